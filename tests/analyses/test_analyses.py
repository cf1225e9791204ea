"""`lth analyze`: what it writes is what the checkpoints say, computed otherwise."""

import json
import math
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from tracked import recorded
from typed import SMALL, lth, rows

from lth_lightning.analyses import BetweenRounds, WeightCorrelation
from lth_lightning.analyzing import analyze
from lth_lightning.beginnings import made_by
from lth_lightning.data import Digits
from lth_lightning.report import read
from lth_lightning.training import Seeds

Capture = pytest.CaptureFixture[str]
TWO_SEEDS = f"{SMALL} --experiment.rounds 2 --experiment.rewind.to 0it --seeds [0,1]"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds an experiment of two rounds and two seeds, `run`, and its analyses."""
    place = tmp_path_factory.mktemp("analyses")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lth"])
        patch.chdir(place)
        from lth_lightning.cli import main

        assert main(TWO_SEEDS.split()) == 0
        analyze(Path("run"), [])
    return place


@pytest.fixture(autouse=True)
def there(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are typed beside the experiment."""
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(trained)


def written(name: str, folder: str = "run") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(f"{folder}/analyses/{name}.jsonl").read_text().splitlines()]


def state(seed: int, training: str) -> dict[str, torch.Tensor]:
    return dict(torch.load(f"run/seed-{seed}/{training}.ckpt", weights_only=True)["state_dict"])


def masks(seed: int, training: str) -> dict[str, torch.Tensor]:
    return dict(torch.load(f"run/seed-{seed}/{training}/result.pt", weights_only=True)["mask"])


def test_the_ends_of_a_line_are_worth_what_their_trainings_wrote() -> None:
    recorded = {(row["seed"], row["round"]): row for row in rows(Path("run")) if row["arm"] in ("dense", "ticket")}
    found = written("between_rounds")
    assert [(row["seed"], row["from"], row["to"]) for row in found] == [(s, r, r + 1) for s in (0, 1) for r in (0, 1)]
    for row in found:
        for place, number in ((0, row["from"]), (-1, row["to"])):
            there = recorded[row["seed"], number]
            assert 1 - row["error"][place] == pytest.approx(there["test_accuracy"], abs=1e-7)
            assert row["loss"][place] == pytest.approx(there["test_loss"], rel=1e-5)
        assert row["alphas"] == pytest.approx(np.linspace(0, 1, 20))
        assert (row["density_from"], row["density"]) == tuple(
            recorded[row["seed"], row[end]]["density"] for end in ("from", "to")
        )
        for name in ("error", "loss"):
            expected = max(row[name]) - (row[name][0] + row[name][-1]) / 2
            assert row[f"{name}_barrier"] == pytest.approx(expected)


def test_distances_are_those_of_the_checkpoints_on_the_weights_that_both_keep() -> None:
    found = written("distances")
    assert [(row["one"], row["other"]) for row in found if row["seed"] == 1] == [
        *((0, 1), (0, 2), (0, "init"), (1, 2), (1, "init"), (2, "init"))
    ]
    for row in found:
        ends = []
        kept = {name: torch.ones_like(mask) for name, mask in masks(row["seed"], "round-00").items()}
        for end in (row["one"], row["other"]):
            name = "round-00/kept-0it" if end == "init" else f"round-{end:02}/last"
            ends.append(state(row["seed"], name))
            if end != "init":
                kept = {name: mask & masks(row["seed"], f"round-{end:02}")[name] for name, mask in kept.items()}
        one, other = (torch.cat([end[name][mask] for name, mask in kept.items()]).double().numpy() for end in ends)
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert row["angular"] == pytest.approx(2 * math.acos(cosine) / math.pi, abs=1e-6)
        assert row["cosine"] == pytest.approx(1 - cosine, abs=1e-6)
        assert row["euclidean"] == pytest.approx(np.linalg.norm(one - other), rel=1e-6)


def test_weight_correlation_counts_the_large_weights_that_were_large() -> None:
    found = written("weight_correlation")
    assert {row["arm"] for row in found} == {"dense", "ticket", "rearranged_mask"}
    for row in found:
        place = ("" if row["arm"] in ("dense", "ticket") else f"{row['arm']}/") + f"round-{row['round']:02}"
        before, after = state(row["seed"], "round-00/kept-0it"), state(row["seed"], f"{place}/last")
        common = large = 0
        for name, kept in masks(row["seed"], place).items():
            old, new = (np.abs(weights[name][kept].numpy()) for weights in (before, after))
            count = int(0.2 * len(old) + 0.5)
            top = [{*np.argsort(-values, kind="stable")[:count].tolist()} for values in (old, new)]
            common, large = common + len(top[0] & top[1]), large + count
            assert row["layers"][name] == pytest.approx(len(top[0] & top[1]) / count)
        assert row["total"] == pytest.approx(common / large)
        assert (row["p"], row["density"]) == (0.2, pytest.approx(0.8 ** row["round"], abs=1e-4))


def test_typed_again_it_writes_the_same_and_says_a_sentence_each(capsys: Capture) -> None:
    before = {path.name: path.read_bytes() for path in Path("run/analyses").iterdir()}
    said = lth("analyze run", capsys)
    assert (said.code, said.err) == (0, "")
    assert {path.name: path.read_bytes() for path in Path("run/analyses").iterdir()} == before
    for sentence in (
        "error barriers between",
        "batch norm by interpolated statistics",
        "the mean angular distance is",
        "of large weights",
    ):
        assert sentence in said.out
    assert all(f"  run/analyses/{name}\n" in said.out for name in before)


def test_what_is_asked_for_is_done_as_asked(capsys: Capture) -> None:
    shutil.copytree("run", "asked", ignore=shutil.ignore_patterns("analyses"))
    how = "{number: 2, where: middles, images: [val], statistics: [batch, interpolated], span: [0, 0.5]}"
    assert lth(f"analyze asked --analyses '[{{class_path: BetweenRounds, init_args: {how}}}]'", capsys).code == 0
    assert [path.name for path in Path("asked/analyses").iterdir()] == ["between_rounds.jsonl"]
    found = written("between_rounds", "asked")
    assert [row["statistics"] for row in found] == ["batch", "interpolated"] * 4, "a row for each way"
    for row in found:
        assert (row["alphas"], row["images"]) == ([0, 0.125, 0.375, 1], "val")
        assert row["error_barrier"] == pytest.approx(max(row["error"][1:3]) - (row["error"][0] + row["error"][3]) / 2)


def test_a_line_goes_on_beyond_its_ends_and_its_barrier_does_not(capsys: Capture) -> None:
    digits = Digits()
    shutil.copytree("run", "beyond", ignore=shutil.ignore_patterns("analyses"))
    how = "{number: 15, span: [-0.2, 1.2]}"
    assert lth(f"analyze beyond --analyses '[{{class_path: BetweenRounds, init_args: {how}}}]'", capsys).code == 0
    plain = written("between_rounds")
    for row, own in zip(written("between_rounds", "beyond"), plain, strict=True):
        assert row["alphas"] == pytest.approx([round(0.1 * i - 0.2, 6) for i in range(15)])
        assert (row["error"][2], row["error"][12]) == (own["error"][0], own["error"][-1])
        inside = row["error"][2:13]
        assert row["error_barrier"] == pytest.approx(max(inside) - (inside[0] + inside[-1]) / 2)
        before, after = (state(row["seed"], f"round-{row[end]:02}/last") for end in ("from", "to"))
        net = made_by(Path("run"))[0].build(Seeds.of(row["seed"]), 0).module.net
        net.load_state_dict(
            {name: 1.2 * before[f"net.{name}"] - 0.2 * after[f"net.{name}"] for name in net.state_dict()}
        )
        digits.prepare_data()
        digits.setup("test")
        images, labels = map(torch.cat, zip(*digits.test_dataloader(), strict=True))
        assert row["loss"][0] == pytest.approx(cross_entropy(net(images), labels).item(), rel=1e-4)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("", "give the folder of an experiment, such as lth analyze runs/imp"),
        ("nowhere", "'nowhere' has no config.yaml: name the folder that `lth run ... --folder` wrote to"),
        ("run --analyses [Nonsense]", "Nonsense"),
        ("run --analyses '[{class_path: BetweenRounds, init_args: {number: 1}}]'", "at least 2 alphas"),
        ("run --analyses '[{class_path: BetweenRounds, init_args: {span: [0.5, 0.2]}}]'", "the smaller one first"),
        ("run --analyses '[{class_path: BetweenRounds, init_args: {span: [1.5, 2]}}]'", "lies in [0, 1]: ask for more"),
        ("run --analyses '[{class_path: WeightCorrelation, init_args: {p: 2}}]'", "p is a share of the weights"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: str, text: str, capsys: Capture) -> None:
    said = lth(f"analyze {words}", capsys)
    assert said.code == 2
    assert text in said.err
    assert said.err.count("\n") == 1


def test_any_networks_are_compared_in_the_order_given(capsys: Capture) -> None:
    one, other = "run/seed-0/round-00", "run/seed-1/round-02"
    said = lth(f"analyze {one} {other}", capsys)
    assert (said.code, said.err) == (0, "")
    (row,) = written("between_rounds", one)
    dense = next(row for row in rows(Path("run")) if (row["seed"], row["arm"]) == (0, "dense"))
    ticket = next(row for row in rows(Path("run")) if (row["seed"], row["arm"], row["round"]) == (1, "ticket", 2))
    ends = (dense["test_accuracy"], ticket["test_accuracy"])
    assert (1 - row["error"][0], 1 - row["error"][-1]) == pytest.approx(ends, abs=1e-7)
    assert (row["from"], row["to"], row["folder"]) == (0, 1, other)
    again = lth(f"analyze {one} {one} --analyses+=BetweenRounds", capsys)
    assert (again.code, again.err) == (0, "")
    (row,) = written("between_rounds", one)
    assert {*row["error"]} == {row["error"][0]}, "from a network to itself there is no way"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("run/seed-0/round-00 run/seed-0", "'run/seed-0' is no finished training: name a folder with a result.pt"),
        ("run/seed-0/round-00 nowhere", "'nowhere' is no finished training"),
        ("run/seed-0/round-00 other/seed-0/round-00", "compare networks of one architecture"),
    ],
)
def test_what_is_no_pair_of_networks_is_one_sentence(words: str, text: str, capsys: Capture) -> None:
    if "other" in words:
        narrow = SMALL.replace("--folder run", "--folder other")
        assert lth(f"{narrow} --experiment.rounds 1 --model.net.width 0.1", capsys).code == 0
    said = lth(f"analyze {words}", capsys)
    assert said.code == 2
    assert text in said.err
    assert said.err.count("\n") == 1


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one batch"):
        BetweenRounds(calibration=0)
    with pytest.raises(ValueError, match=r"batches is 0: evaluate on at least one batch, or leave it out for all"):
        BetweenRounds(batches=0)
    with pytest.raises(ValueError, match=r"p is a share of the weights, above 0 and up to 1, such as 0.2, not 0"):
        WeightCorrelation(p=0)


def test_a_run_ends_with_the_analyses_that_its_config_asks_for_once(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "noise"
    noise = f"run --config digits --experiment Instability --experiment.moments [0it,3it] --folder {folder}"
    line = f"{noise} --data.subset 140 --trainer.max_epochs 2 --analyses '[{{class_path: Instability}}]'"
    said = lth(line, capsys)
    assert (said.code, said.err) == (0, "")
    assert "the instability of dense networks in points is" in said.out
    file = folder / "analyses" / "instability.jsonl"
    found = written("instability", str(folder))
    assert [(row["arm"], row["start_step"], row["copies"]) for row in found] == [("from_0it", 0, 2), ("from_3it", 3, 2)]
    made = file.stat().st_mtime_ns
    assert "instability of" not in lth(line, capsys).out
    assert file.stat().st_mtime_ns == made, "nothing new was trained, so nothing is looked at again"
    more = line.replace("class_path: Instability", "class_path: Instability, init_args: {number: 5}")
    assert "the instability of" in lth(more, capsys).out, "other arguments"
    assert len(written("instability", str(folder))[0]["alphas"]) == 7
    both = more.replace("{number: 5}", "{number: 5, images: [test, val]}")
    assert "the instability of" in lth(both, capsys).out, "one more kind of images, behind the same first"
    assert "the instability of" not in lth(both, capsys).out
    assert read(folder).set_index("arm")["instability"].dropna().index.tolist() == ["from_0it", "from_3it"]


def test_before_a_job_s_time_is_over_they_end_between_two_networks_and_it_goes_back_to_the_queue(
    tmp_path: Path, capsys: Capture
) -> None:
    folder, rows_of = tmp_path / "imp", BetweenRounds.rows
    line = f"{SMALL.replace('--folder run', f'--folder {folder}')} --experiment.rounds 1 --experiment.rewind.to 0it"
    line += " --analyses '[{class_path: Distances}, {class_path: BetweenRounds}]'"

    def signalled(own: BetweenRounds, lineage: Any) -> Any:
        os.kill(os.getpid(), signal.SIGUSR1)
        return rows_of(own, lineage)

    (tmp_path / "scontrol").write_text("#!/bin/sh\n")
    (tmp_path / "scontrol").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_JOB_ID", "12")
        patch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        patch.setattr(BetweenRounds, "rows", signalled)
        said = lth(line, capsys)
    assert said.code == 128 + signal.SIGUSR1
    assert "job 12 is requeued" in said.err
    assert [path.name for path in (folder / "analyses").glob("*.jsonl")] == ["distances.jsonl"]
    made = (folder / "analyses" / "distances.jsonl").stat().st_mtime_ns
    assert lth(line, capsys).code == 0, "those that were made stay"
    assert {path.name for path in (folder / "analyses").glob("*.jsonl")} == {"distances.jsonl", "between_rounds.jsonl"}
    assert (folder / "analyses" / "distances.jsonl").stat().st_mtime_ns == made


def test_the_instability_is_the_barrier_between_the_copies_and_their_ends_are_what_was_recorded(
    tmp_path: Path, capsys: Capture
) -> None:
    folder = tmp_path / "imp"
    line = SMALL.replace("--folder run", f"--folder {folder}").replace("[RearrangedMask]", "[OtherNoise]")
    how = "{class_path: Instability, init_args: {number: 5, where: ends, images: [test, train]}}"
    assert lth(f"{line} --experiment.rounds 1 --analyses '[{how}]'", capsys).code == 0
    recorded = {row["arm"]: row for row in rows(folder)}
    test, train = written("instability", str(folder))
    assert (test["images"], train["images"], test["arm"], test["copies"]) == ("test", "train", "ticket", 2)
    (errors,) = test["error"]
    assert 1 - errors[0] == pytest.approx(recorded["ticket"]["test_accuracy"], abs=1e-7)
    assert 1 - errors[-1] == pytest.approx(recorded["other_noise"]["test_accuracy"], abs=1e-7)
    assert test["error_barrier"] == pytest.approx(max(errors) - (errors[0] + errors[-1]) / 2)
    assert train["error"] != test["error"]
    ticket = read(folder).query("arm == 'ticket'")
    assert ticket["instability"].tolist() == [test["error_barrier"]], "of the first images"


@pytest.mark.slow
def test_of_a_study_each_method_and_point_is_a_lineage_with_its_own_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    imp = "{class_path: IterativePruning, init_args: {rounds: 1, rewind: {to: 0it}}}"
    omp = "{class_path: OneShotPruning, init_args: {densities: [0.5], controls: [SmallDense], rewind: {to: 0it}}}"
    Path("study.yaml").write_text(
        f"experiment: {{class_path: Study, init_args: {{methods: {{imp: {imp}, omp: {omp}}}, "
        "grid: {model.net.width: [0.25, 0.5]}}}\n"
    )
    line = "run --config digits --config study.yaml --folder run --data.subset 140 --trainer.max_epochs 1"
    assert lth(line, capsys).code == 0
    said = lth("analyze run", capsys)
    assert (said.code, said.err) == (0, "")
    places = [(width, method) for width in (0.25, 0.5) for method in ("imp", "omp")]
    for name in ("between_rounds", "weight_correlation"):
        found = written(name)
        assert {(row["point"]["width"], row["method"]) for row in found} == {*places}
    assert len(written("between_rounds")) == 4
    for width, method in places:
        assert f"{method} width-{width:g}: error barriers between" in said.out
    recorded = {(row["point"]["width"], row["method"]): row for row in written("between_rounds")}
    table = read("run")
    for (width, method), row in recorded.items():
        (ticket,) = table[(table["width"] == width) & (table["method"] == method) & (table["arm"] == "ticket")][
            "test_accuracy"
        ]
        assert 1 - row["error"][-1] == pytest.approx(ticket, abs=1e-7)


@pytest.mark.slow
def test_wandb_gets_the_curves_of_analyses_once(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "noise"
    line = (
        f"run --config digits --experiment Instability --experiment.moments [0it] --folder {folder} --track offline "
        "--data.subset 140 --trainer.max_epochs 1 --analyses '[{class_path: Instability, init_args: {number: 3}}]'"
    )
    assert lth(line, capsys).code == 0
    (row,) = written("instability", str(folder))
    run = recorded(folder / "wandb")["analysis/instability"]
    label = "error/seed 0 from_0it round 0"
    expected = sorted(zip(row["alphas"], row["error"][0], strict=True))
    assert [(each["alpha"], each[label]) for each in run.logged] == expected
    assert run.axes["*"] == "alpha"
    (before,) = (folder / "wandb").glob("*analysis-instability*")
    assert lth(line, capsys).code == 0
    assert [*(folder / "wandb").glob("*analysis-instability*")] == [before], "not begun again"
