"""Pruning methods and their sanity checks, from the command line."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from lth_lightning.cli import main
from lth_lightning.report import read, verdicts

TINY = ["--config", "debug", "--data.batch_size", "50", "--model.net.width", "0.25", "--seeds", "[0]"]
OUTSIDE = """
from dataclasses import dataclass

from lth_lightning.sparsity import Criterion, Global, Mask, Policy, Sample, prune


class Fisher(Criterion):
    def __call__(self, net, mask, batches):
        scores = {name: 0 for name in mask}
        for images, labels in batches:
            loss = net(images).log_softmax(1).gather(1, labels[:, None]).mean()
            weights = [net.get_parameter(name) for name in mask]
            import torch
            for name, weight, grad in zip(mask, weights, torch.autograd.grad(loss, weights)):
                scores[name] = scores[name] + (weight * grad).detach() ** 2
        return scores


class Broken(Criterion):
    def __call__(self, net, mask, batches):
        scores = {name: net.get_parameter(name).detach().abs() for name in mask}
        scores["net.hidden2.weight"][0, 0] = float("inf")
        return scores


@dataclass(frozen=True)
class ByFisher(Policy):
    density: float

    def start(self, net, weights, draw):
        return prune(Fisher()(net, weights, draw(Sample(per_class=5))), self.density, Global(), weights)
"""
METHOD = """
trainer:
  callbacks+:
    class_path: lth_lightning.training.Sparsify
    init_args: {policy: {class_path: outside.ByFisher, init_args: {density: 0.5}}}
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands run in this process and an empty folder, beside a module of the user's."""
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "outside", raising=False)
    Path("outside.py").write_text(OUTSIDE)
    Path("method.yaml").write_text(METHOD)


def rows(*words: str, command: str = "run") -> list[dict[str, Any]]:
    assert main([command, "--config", "digits", *words, *TINY, "--folder", "run"]) == 0
    return [json.loads(line) for line in Path("run/results.jsonl").read_text().splitlines()]


def trained(folder: str) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(Path(folder) / "last.ckpt", weights_only=True)["state_dict"]
    return state


@pytest.mark.parametrize(
    "method", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("grasp", "random")), "snip"]
)
def test_a_method_is_the_same_in_one_training_and_in_an_experiment(method: str, tmp_path: Path) -> None:
    (alone,) = rows("--config", method, command="fit")
    one = trained(f"run/{alone['folder']}")
    Path("run").rename("alone")
    density = f"[{alone['density_asked']}]" if method != "random" else "[0.2]"
    dense, ticket = rows("--config", method, "--config", "omp", *options(densities=density, controls="[]"))
    assert (dense["arm"], ticket["arm"], alone["arm"]) == ("dense", "ticket", "sparse")
    assert ticket["layers"] == alone["layers"]
    other = trained(f"run/{ticket['folder']}")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert ticket["test_accuracy"] == alone["test_accuracy"]


def options(**values: str) -> list[str]:
    return [word for name, value in values.items() for word in (f"--experiment.init_args.{name}", value)]


@pytest.mark.parametrize(
    "words",
    [
        ["--config", "method.yaml", "--config", "sanity"],
        pytest.param(["--config", "sanity", *options(criterion="outside.Fisher", at="0it")], marks=pytest.mark.slow),
    ],
    ids=["policy", "criterion"],
)
def test_a_method_from_outside_goes_through_the_sanity_checks_and_gets_verdicts(words: list[str]) -> None:
    there = rows(*words, *options(densities="[0.3]"))
    arms = ["random_labels", "shuffled_pixels", "corrupted_data", "half_data"]
    assert {row["arm"] for row in there} == {"dense", "ticket", "rearranged_mask", "shuffled_weights", *arms} | {
        "reinitialised"
    }
    kept = {row["arm"]: row["layers"] for row in there}
    assert all(kept[arm] != kept["ticket"] for arm in arms[:3]), "the method looks at data"
    assert kept["rearranged_mask"] == kept["ticket"]
    judged = verdicts(read("run"))
    assert set(judged["arm"]) == set(kept) - {"dense", "ticket"}
    assert set(judged["verdict"]) == {"cannot tell"}, "one seed"


@pytest.mark.slow
def test_a_check_that_does_not_apply_is_named_and_kept_for_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--config", "random_erk", "--config", "sanity", *options(densities="[0.3]")]
    assert {row["arm"] for row in rows(*words)} == {"dense", "ticket", "shuffled_weights", "reinitialised"}
    told = capsys.readouterr().out
    reasons = json.loads(Path("run/not_applicable.json").read_text())
    assert set(reasons) == {"random_labels", "shuffled_pixels", "corrupted_data", "half_data", "rearranged_mask"}
    for arm, reason in reasons.items():
        assert f"not applicable, so not trained: {arm.replace('_', ' ')} ({reason})" in told
    assert main(["report", "run"]) == 0
    assert "not applicable" in Path("run/report.html").read_text()


def test_a_search_on_other_data_is_no_arm_of_the_report() -> None:
    there = rows("--config", "omp", *options(densities="[0.3]", controls="[HalfData]"))
    (search,) = [row for row in there if row["arm"] == "pretraining"]
    assert search["folder"] == "seed-0/half_data/search/round-00"
    assert "pretraining" not in set(read("run")["arm"])
    half = next(row for row in there if row["arm"] == "half_data")
    assert search["steps"] < half["steps"] == next(row for row in there if row["arm"] == "ticket")["steps"]


def test_an_emptied_layer_is_told_by_name_before_training_and_in_the_row(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.yaml").write_text(
        METHOD.replace("outside.ByFisher", "AtInit").replace(
            "{density: 0.5}",
            "{density: 0.2, allocation: {class_path: LayerRatios, init_args: {ratios: "
            "{net.hidden1.weight: 1.0, net.hidden2.weight: 0.0, net.head.weight: 0.5}}}}",
        )
    )
    (row,) = rows("--config", "empty.yaml", command="fit")
    warning, *rest = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: nothing is kept of net.hidden2.weight, so no signal passes there: keep more")
    assert rest == []
    structure = row["structure"]
    assert structure["collapsed"] == ["net.hidden1.weight", "net.hidden2.weight", "net.head.weight"]
    assert structure["effective_density"] == 0
    assert structure["layers"]["net.hidden2.weight"]["dead"] > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (options(criterion="SNIP", at="0it", sample='{"per_class": 500}'), "but class 0 has"),
        (options(criterion="outside.Broken", at="0it"), "net.hidden2.weight"),
        (
            options(densities="[0.01]", allocation='{"class_path": "Uniform", "init_args": {"dense_first": true}}'),
            "fewer",
        ),
        (options(at="2 epochs"), "2 epochs"),
        (options(controls='[{"class_path": "HalfData", "init_args": {"share": 2}}]'), "share is the part"),
    ],
)
def test_what_cannot_be_is_one_sentence(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", "digits", "--config", "omp", *words, *TINY, "--folder", "run"]) in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert "Traceback" not in error
