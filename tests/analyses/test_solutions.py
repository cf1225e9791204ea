"""The analyses of tickets beside the network that was pruned in training, against what the trainings wrote."""

import json
import shutil
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from typed import lth, rows

from lth_lightning.analyses import Ensembles, ToSolution, WeightSpace
from lth_lightning.analysis import outputs
from lth_lightning.beginnings import made_by
from lth_lightning.data import Digits
from lth_lightning.report import read
from lth_lightning.training import Seeds

Capture = pytest.CaptureFixture[str]
CONTROLS = "[Reinitialised, Restarted, SmallDense, OtherNoise, {class_path: OtherNoise, init_args: {copy: 2}}]"
POLICY = "{class_path: AtInit, init_args: {density: 0.1}}"
EXPERIMENT = f"""
experiment:
  class_path: PruningInTraining
  init_args: {{policy: {POLICY}, densities: [0.3], keep_starts: true, controls: {CONTROLS}}}
analyses: [ToSolution, Ensembles, WeightSpace]
"""
LINE = "run --config digits --config pruned.yaml --folder run --data.subset 280 --trainer.max_epochs 4 --seeds [0,1]"
ARMS = ["ticket", "pruned", "reinitialised", "restarted"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds an experiment of two seeds, `run`, and these analyses of it."""
    place = tmp_path_factory.mktemp("solutions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lth"])
        patch.chdir(place)
        from lth_lightning.cli import main

        Path("pruned.yaml").write_text(EXPERIMENT)
        assert main(LINE.split()) == 0
    return place


@pytest.fixture(autouse=True)
def there(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are typed beside the experiment."""
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(trained)


def written(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(f"run/analyses/{name}.jsonl").read_text().splitlines()]


def state(path: str) -> dict[str, torch.Tensor]:
    return dict(torch.load(f"run/{path}.ckpt", weights_only=True)["state_dict"])


def answers(folder: str) -> torch.Tensor:
    """Logits for the test images."""
    module = made_by(Path("run"))[0].build(Seeds.of(0), 0).module
    module.load_state_dict(state(f"{folder}/last"))
    data = Digits()
    data.prepare_data()
    data.setup("test")
    return outputs(module, data.test_dataloader())[0]


def test_every_line_leads_from_a_network_s_start_or_end_to_the_network_that_was_pruned() -> None:
    recorded = {row["folder"]: row for row in rows(Path("run"))}
    found = written("to_solution")
    assert [(row["arm"], row["at"]) for row in found if row["seed"] == 0] == [
        (arm, at) for arm in ("ticket", "reinitialised", "restarted") for at in ("end", "start")
    ]
    for row in found:
        own, solution = recorded[row["folder"]], recorded[f"seed-{row['seed']}/pruned/round-01"]
        assert (row["density"], row["density_of_solution"]) == (own["density"], solution["density"])
        assert row["alphas"] == pytest.approx([0.05 * i - 0.2 for i in range(29)])
        at = dict(zip(row["alphas"], row["loss"], strict=True))
        between = [value for alpha, value in at.items() if 0 <= alpha <= 1]
        assert row["loss_barrier"] == pytest.approx(max(between) - (at[0] + at[1]) / 2)
    to = {(row["seed"], row["arm"], row["at"]): row["loss"][24] for row in found}
    assert len({*to.values()}) == 2, "the solution of each seed, whatever leads there"
    (same,) = [row for row in found if (row["seed"], row["arm"], row["at"]) == (0, "restarted", "start")]
    assert max(same["loss"]) - min(same["loss"]) < 1e-6, "a restart starts where it leads"
    (start,) = [row for row in found if (row["seed"], row["arm"], row["at"]) == (1, "reinitialised", "start")]
    assert 1.8 < start["loss"][4] < 3.5, "an untrained network knows nothing of ten classes"


def test_sets_of_networks_disagree_as_their_answers_do() -> None:
    found = written("ensembles")
    labels = torch.cat([batch for _, batch in made_test()])
    noise = [row for row in found if row["differ"] == "noise"]
    assert [(row["seed"], row["arm"], row["members"]) for row in noise] == [(0, "ticket", 3), (1, "ticket", 3)]
    logits = [answers(f"seed-1/{name}round-01") for name in ("", "other_noise/", "other_noise_2/")]
    check(noise[1], logits, labels, [answers("seed-1/pruned/round-01")] * 3)
    seeds = {row["arm"]: row for row in found if row["differ"] == "seeds"}
    assert [*seeds] == ["dense", *ARMS]
    assert all(row["members"] == 2 and "seed" not in row for row in seeds.values())
    pruned = [answers(f"seed-{seed}/pruned/round-01") for seed in (0, 1)]
    check(seeds["pruned"], pruned, labels, [])
    own = [answers(f"seed-{seed}/reinitialised/round-01") for seed in (0, 1)]
    check(seeds["reinitialised"], own, labels, pruned)
    accuracies = [row["test_accuracy"] for row in rows(Path("run")) if row["arm"] == "reinitialised"]
    assert seeds["reinitialised"]["accuracy"] == pytest.approx(sum(accuracies) / 2, abs=1e-6)


def made_test() -> list[Any]:
    data = Digits()
    data.prepare_data()
    data.setup("test")
    return list(data.test_dataloader())


def check(row: dict[str, Any], logits: list[torch.Tensor], labels: torch.Tensor, pruned: list[torch.Tensor]) -> None:
    says = [each.argmax(1) for each in logits]
    apart = [float((one != other).double().mean()) for one, other in combinations(says, 2)]
    assert row["disagreement"] == pytest.approx(sum(apart) / len(apart))
    together = sum(each.double().softmax(1) for each in logits).argmax(1)  # type: ignore[union-attr]
    assert row["ensemble_accuracy"] == pytest.approx(float((together == labels).double().mean()))
    if not pruned:
        assert row["disagreement_with_pruned"] is None
        return
    beside = [float((own != each.argmax(1)).double().mean()) for own, each in zip(says, pruned, strict=True)]
    assert row["disagreement_with_pruned"] == pytest.approx(sum(beside) / len(beside))


def test_places_in_weight_space_are_as_far_apart_as_weights_nearly_and_ways_exactly() -> None:
    found = [row for row in written("weight_space") if row["seed"] == 0]
    assert [(row["arm"], row["number"], row["at"]) for row in found] == [
        *(("ticket", 0, "start"), ("ticket", 0, "end"), ("pruned", 0, "end")),
        *((arm, 0, at) for arm in ("reinitialised", "restarted") for at in ("start", "end")),
        *(("ticket", number, "end") for number in (1, 2)),
    ]
    ends = [state("seed-0/reinitialised/round-01/kept-0it"), state("seed-0/reinitialised/round-01/last")]
    way = sum(float((ends[0][name] - ends[1][name]).square().sum()) for name in ends[0]) ** 0.5
    assert [row["way"] for row in found if row["arm"] == "reinitialised"] == [None, pytest.approx(way, rel=1e-5)]
    x, y = ([row[axis] for row in found] for axis in "xy")
    assert (sum(x), sum(y)) == pytest.approx((0, 0), abs=1e-6)
    apart = {(row["arm"], row["at"]): (row["x"], row["y"]) for row in found if not row["number"]}
    near = dist(apart["restarted", "start"], apart["pruned", "end"])
    assert near == pytest.approx(0, abs=1e-5), "a restart starts there"
    assert dist(apart["reinitialised", "end"], apart["pruned", "end"]) > 5 * near


def dist(one: tuple[float, float], other: tuple[float, float]) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5


@pytest.mark.slow
def test_what_they_measure_are_columns_and_figures(capsys: Capture) -> None:
    table = read("run").query("seed == 0").set_index("arm")
    (set_of_copies,) = [row for row in written("ensembles") if row.get("seed") == 0]
    for column in ("disagreement", "disagreement_with_pruned", "ensemble_accuracy"):
        assert table[column].dropna().to_dict() == {"ticket": set_of_copies[column]}
    barriers = {
        row["arm"]: row["loss_barrier"] for row in written("to_solution") if (row["seed"], row["at"]) == (0, "end")
    }
    assert table["barrier_to_pruned"].dropna().to_dict() == barriers
    said = lth("report run", capsys)
    assert (said.code, said.err) == (0, "")
    for name in ("to_solution", "ensembles", "weight_space"):
        assert (Path("run/figures") / f"{name}.png").stat().st_size > 10_000


def test_typed_again_they_write_the_same_and_say_a_sentence_each(capsys: Capture) -> None:
    before = {path.name: path.read_bytes() for path in Path("run/analyses").iterdir()}
    said = lth("analyze run", capsys)
    assert (said.code, said.err) == (0, "")
    assert {path.name: path.read_bytes() for path in Path("run/analyses").iterdir()} == before
    for sentence in (
        "the loss barrier between trained",
        "networks disagree: 'ticket' of other noise",
        "from start to end",
    ):
        assert sentence in said.out


def test_curves_for_wandb_have_every_line_set_and_place() -> None:
    axis, lines = ToSolution().curves(written("to_solution"))
    assert (axis, len(lines)) == ("alpha", 2 * 3 * 2)
    axis, sets = Ensembles().curves(written("ensembles"))
    assert (axis, len(sets)) == ("round", 2 + 5)
    axis, places = WeightSpace().curves(written("weight_space"))
    assert axis == "x"
    assert sum(map(len, places.values())) == len(written("weight_space"))


def test_fewer_batches_are_the_same_first_ones_for_every_network(tmp_path: Path, capsys: Capture) -> None:
    copy = shutil.copytree("run", tmp_path / "run")
    said = lth(f"analyze {copy} --analyses '[{{class_path: ToSolution, init_args: {{batches: 2}}}}]'", capsys)
    assert (said.code, said.err) == (0, "")
    built = made_by(copy)[0].build(Seeds.of(1), 0)
    built.module.load_state_dict(state("seed-1/pruned/round-01/last"))
    built.data.prepare_data()
    built.data.setup("fit")
    images, labels = map(torch.cat, zip(*list(built.data.train_dataloader())[:2], strict=True))
    with torch.no_grad():
        loss = float(cross_entropy(built.module.eval()(images), labels))
    lines = [json.loads(line) for line in (copy / "analyses" / "to_solution.jsonl").read_text().splitlines()]
    own = [row for row in lines if row["seed"] == 1]
    assert len(own) == 6
    assert [row["loss"][24] for row in own] == pytest.approx([loss] * 6)
    whole = next(row for row in written("to_solution") if row["seed"] == 1)
    assert abs(whole["loss"][24] - loss) > 1e-4, "more images have another loss"


def test_where_nothing_was_pruned_in_training_they_say_what_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        lth("run --config digits --config dense --folder run --data.subset 140 --trainer.max_epochs 1", capsys).code
        == 0
    )
    said = lth("analyze run --analyses [ToSolution,Ensembles]", capsys)
    assert said.code == 2
    assert "run the experiment PruningInTraining" in said.err
    assert "ask for more seeds, or for copies by the control OtherNoise" in said.err
