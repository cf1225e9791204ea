"""The analyses that are asked for: function space, planes and curves, against what the trainings themselves wrote."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from typed import SMALL, lth, rows

from lth_lightning.analyses import Curves, FunctionSpace, Lineage, Planes
from lth_lightning.analysis import distance
from lth_lightning.experiments import Result

Capture = pytest.CaptureFixture[str]
ASKED = (
    "[FunctionSpace, {class_path: Planes, init_args: {number: 4}}, "
    "{class_path: Curves, init_args: {number: 5, epochs: 2}}]"
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds an experiment of two rounds, `run`, and these analyses of it."""
    place = tmp_path_factory.mktemp("spaces")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lth"])
        patch.chdir(place)
        from lth_lightning.cli import main

        how = "--experiment.rounds 2 --experiment.rewind.to 0it --experiment.controls []"
        assert main([*SMALL.split()[:-2], *how.split()]) == 0
        assert main(["analyze", "run", "--analyses", ASKED]) == 0
    return place


@pytest.fixture(autouse=True)
def there(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are typed beside the experiment."""
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(trained)


def written(name: str, folder: str = "run") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(f"{folder}/analyses/{name}.jsonl").read_text().splitlines()]


def recorded(names: Sequence[str] = ("test_accuracy", "test_loss"), folder: str = "run") -> list[list[float]]:
    """What the trainings of all rounds wrote, dense first."""
    return [[row[name] for name in names] for row in sorted(rows(Path(folder)), key=lambda row: row["round"])]


def state(number: int) -> dict[str, torch.Tensor]:
    return dict(torch.load(f"run/seed-0/round-{number:02}/last.ckpt", weights_only=True)["state_dict"])


def test_in_function_space_every_network_is_worth_what_its_training_wrote() -> None:
    networks, pairs = ([row for row in written("function_space") if key in row] for key in ("round", "one"))
    assert [row["round"] for row in networks] == [0, 1, 2]
    assert [row["accuracy"] for row in networks] == pytest.approx([accuracy for accuracy, _ in recorded()], abs=1e-7)
    assert [(row["one"], row["other"], row["density"]) for row in pairs] == [
        (0, 1, networks[1]["density"]),
        (0, 2, networks[2]["density"]),
        (1, 2, networks[2]["density"]),
    ]
    assert networks[0]["ensemble_accuracy"] == networks[0]["accuracy"]
    assert networks[1]["ensemble_accuracy"] == pairs[0]["ensemble_accuracy"]
    for row in pairs:  # three points have a plane, so their picture is exact
        one, other = (networks[row[end]] for end in ("one", "other"))
        apart = ((one["x"] - other["x"]) ** 2 + (one["y"] - other["y"]) ** 2) ** 0.5
        assert apart == pytest.approx(row["disagreement"], abs=1e-6)
        wrong = 1 - min(one["accuracy"], other["accuracy"])
        assert row["disagreement"] <= 2 * wrong + 1e-9


def test_a_network_and_its_copy_say_the_same(capsys: Capture) -> None:
    shutil.copytree("run", "twice", ignore=shutil.ignore_patterns("analyses"))
    shutil.copy("twice/seed-0/round-01/last.ckpt", "twice/seed-0/round-02/last.ckpt")
    assert lth("analyze twice --analyses+=FunctionSpace", capsys).code == 0
    (pair,) = [row for row in written("function_space", "twice") if row.get("one") == 1]
    assert pair["disagreement"] == pair["output_distance"] == pair["loss_distance"] == 0
    assert pair["ensemble_accuracy"] == pytest.approx(recorded()[1][0], abs=1e-7)
    one, other = [row for row in written("function_space", "twice") if row.get("round") in (1, 2)]
    assert (one["x"], one["y"]) == pytest.approx((other["x"], other["y"]), abs=1e-6)


def test_a_plane_has_the_three_networks_with_the_errors_that_their_trainings_wrote() -> None:
    (row,) = written("planes")
    assert (row["through"], row["number"], row["statistics"]) == ([0, 1, 2], 4, "estimated")
    assert [1 - error for error in row["error_at"]] == pytest.approx([each for each, _ in recorded()], abs=1e-7)
    assert row["loss_at"] == pytest.approx([loss for _, loss in recorded()], rel=1e-5)
    (_, _), (a, _), (b, c) = row["at"]
    states = [state(number) for number in range(3)]
    assert a == pytest.approx(distance(states[0], states[1], "euclidean"))
    assert (b**2 + c**2) ** 0.5 == pytest.approx(distance(states[0], states[2], "euclidean"))
    for own, places in (("x", (0, a, b)), ("y", (0, c))):
        longer = max(max(0, a, b) - min(0, a, b), c)
        assert row[own][0] <= min(places) - 0.2499 * longer
        assert row[own][-1] >= max(places) + 0.2499 * longer
        assert row[own][-1] - row[own][0] == pytest.approx(1.5 * longer)
    assert [len(line) for line in row["error"]] == [len(line) for line in row["loss"]] == [4] * 4
    assert row["densities"] == [1, *(each["density"] for each in written("function_space") if each.get("round"))]


def test_the_line_through_two_networks_of_a_plane_is_what_wandb_draws(capsys: Capture) -> None:
    (row,) = written("planes")
    errors, (_, (a, _), _) = row["error_line"], row["at"]
    assert Planes().curves([row]) == (
        "distance",
        {"error/seed 0 through rounds 0 and 1": list(zip(row["x"], errors, strict=True))},
    )
    span = [x / a for x in row["x"]]  # as shares of the way from one to the other
    how = f"{{number: 10, span: [{span[0]}, {span[-1]}], statistics: [estimated]}}"
    shutil.copytree("run", "line", ignore=shutil.ignore_patterns("analyses"))
    asked = f"analyze line --analyses '[{{class_path: BetweenRounds, init_args: {how}}}]'"
    assert lth(asked, capsys).code == 0
    beside = written("between_rounds", "line")[0]
    there = {
        alpha: error for alpha, error in zip(beside["alphas"], beside["error"], strict=True) if alpha not in (0, 1)
    }
    assert [*there][::3] == pytest.approx(span)
    assert [*there.values()][::3] == pytest.approx(errors, abs=1e-6)


def test_a_plane_that_is_not_there_is_said(capsys: Capture) -> None:
    shutil.copytree("run", "few", ignore=shutil.ignore_patterns("analyses"))
    said = lth("analyze few --analyses '[{class_path: Planes, init_args: {rounds: [0, 1, 7]}}]'", capsys)
    assert said.code == 2
    assert "there is no plane: it goes through three networks of one seed, and those of rounds 0, 1 and 7" in said.err
    assert not Path("few/analyses/planes.jsonl").exists()
    assert Planes().nothing.endswith("and three are not on file")


def test_the_ends_of_curves_are_worth_what_their_trainings_wrote() -> None:
    found = written("curves")
    assert [(row["from"], row["to"]) for row in found] == [(0, 1), (1, 2)]
    for row in found:
        for way in ("", "line_"):
            error, loss = row[f"{way}error"], row[f"{way}loss"]
            for place, number in ((0, row["from"]), (-1, row["to"])):
                assert 1 - error[place] == pytest.approx(recorded()[number][0], abs=1e-7)
                assert loss[place] == pytest.approx(recorded()[number][1], rel=1e-5)
            for name, values in (("error", error), ("loss", loss)):
                assert row[f"{way}{name}_barrier"] == max(values) - (values[0] + values[-1]) / 2
        assert row["alphas"] == [0, 0.25, 0.5, 0.75, 1]
        assert row["loss"][2] < row["line_loss"][2]  # both are half way, and so little was trained that more helps


def test_typed_again_they_write_the_same_and_say_a_sentence_each(capsys: Capture) -> None:
    before = {path.name: path.read_bytes() for path in Path("run/analyses").iterdir()}
    said = lth(f"analyze run --analyses '{ASKED}'", capsys)
    assert (said.code, said.err) == (0, "")
    assert {path.name: path.read_bytes() for path in Path("run/analyses").iterdir()} == before
    for sentence in (
        "networks disagree on ",
        "all rounds together classify ",
        "the mean of the networks of rounds 0, 1 and 2 errs on ",
        "the mean error barrier is ",
        "batch norm by estimated statistics",
    ):
        assert sentence in said.out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("{class_path: Planes, init_args: {rounds: [0, 1, 1]}}", "three different rounds, such as [0, 2, 4]"),
        ("{class_path: Planes, init_args: {number: 1}}", "2 by 2 places or more"),
        ("{class_path: Planes, init_args: {calibration: 0}}", "at least one batch"),
        ("{class_path: Curves, init_args: {epochs: 0}}", "at least 1 epoch"),
        ("{class_path: Curves, init_args: {number: 1}}", "at least 2 alphas"),
        ("{class_path: Curves, init_args: {kind: spline}}", "spline"),
        ("{class_path: FunctionSpace, init_args: {images: tests}}", "tests"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: str, text: str, capsys: Capture) -> None:
    said = lth(f"analyze run --analyses '[{words}]'", capsys)
    assert said.code == 2
    assert text in said.err
    assert said.err.count("\n") == 1


def test_where_there_is_but_one_network_there_is_nothing_to_say() -> None:
    alone = Lineage({"seed": 0}, [Result(Path("run/seed-0/round-00"), {"round": 0})], Mock())
    for analysis, words in (
        (FunctionSpace(), "there are no networks to compare"),
        (Curves(), "there are no networks to compare"),
        (Planes(), "there is no plane"),
    ):
        assert analysis.rows(alone) == []
        assert words in analysis.nothing


def test_they_are_called_as_their_files() -> None:
    assert [each.name for each in (FunctionSpace(), Planes(), Curves())] == ["function_space", "planes", "curves"]


@pytest.mark.slow
def test_with_batch_norm_each_policy_is_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    how = "--experiment.rounds 2 --experiment.rewind.to 0it --experiment.controls [] --data.subset 400"
    line = f"run --config resnet8_digits --config imp --folder run --trainer.max_epochs 2 {how}"
    assert lth(line, capsys).code == 0
    asked = "".join(
        f"{{class_path: {name}, init_args: {{number: {number}, statistics: interpolated}}}}, "
        for name, number in (("Planes", 4), ("Curves", 3))
    )
    said = lth(f"analyze run --analyses '[{asked}]'", capsys)
    assert (said.code, said.err) == (0, "")
    (plane,) = written("planes")
    assert [1 - error for error in plane["error_at"]] == pytest.approx([each for each, _ in recorded()], abs=1e-7)
    assert any(error is None for line in plane["error"] for error in line)  # where a variance would be below zero
    for row in written("curves"):
        for place, number in ((0, row["from"]), (-1, row["to"])):
            assert 1 - row["error"][place] == pytest.approx(recorded()[number][0], abs=1e-7)
            assert 1 - row["line_error"][place] == pytest.approx(recorded()[number][0], abs=1e-7)
    asked = "{class_path: Planes, init_args: {number: 4}}, {class_path: Curves, init_args: {number: 3}}"
    assert lth(f"analyze run --analyses '[{asked}]'", capsys).code == 0
    (plane,) = written("planes")
    assert all(error is not None for line in plane["error"] for error in line)
    first = written("curves")
    assert lth(f"analyze run --analyses '[{asked}]'", capsys).code == 0
    assert written("curves") == first
