"""`Flow` and `Hessian`: what probes wrote in every training, and what is said of it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typed import SMALL, lth

from lth_lightning.analyses import Flow, Hessian

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(tmp_path)


def written(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


def test_all_trainings_rows_are_gathered_with_what_tells_them_apart(capsys: Capture) -> None:
    said = lth(f"{SMALL} --experiment.rounds 1 --config gradient_flow", capsys)
    assert (said.code, said.err) == (0, "")
    found = written("run/analyses/gradient_flow.jsonl")
    assert [(row["arm"], row["round"]) for row in found if row["step"] == 4] == [
        ("dense", 0),
        ("ticket", 1),
        ("rearranged_mask", 1),
    ]
    for row in found:
        own = written(f"run/{row['folder']}/gradient_flow.jsonl")
        assert {name: row[name] for name in own[0]} in own
    assert "at the end in dense networks, " in said.out
    assert "at the end in tickets with 80 %" in said.out


@pytest.mark.slow
def test_a_training_that_is_sparse_on_its_own_is_looked_at_and_analysed(capsys: Capture) -> None:
    small = "--data.subset 60 --trainer.max_epochs 110 --model.net.width 0.05 --folder run"
    for name in ("gradient_flow", "hessian"):
        said = lth(f"fit --config digits --config rigl --config {name} {small}_{name}", capsys)
        assert (said.code, said.err) == (0, "")
        (first, *_) = written(f"run_{name}/analyses/{name}.jsonl")
        assert (first["arm"], first["step"]) == ("sparse", 0)
    said = lth("analyze run_hessian", capsys)
    assert (said.code, said.err) == (0, "")
    for part in ("are negative at step", "in sparse networks with 10 %"):
        assert part in lth("analyze run_hessian --analyses+=Hessian", capsys).out
    said = lth("analyze run_hessian --analyses+=WeightCorrelation", capsys)
    assert "were large at initialisation in sparse networks (0.2 by chance)" in said.out


def test_without_a_probe_it_is_said_how_to_get_one(capsys: Capture) -> None:
    said = lth("run --config digits --config dense --folder dense --data.subset 60 --trainer.max_epochs 1", capsys)
    assert said.code == 0
    said = lth("analyze dense --analyses+=Flow", capsys)
    assert said.code == 2
    assert "no training has a gradient_flow.jsonl: train with --config gradient_flow" in said.err


ABOUT = {"seed": 3, "arm": "ticket", "round": 2, "density": 0.1}


def test_curves_are_the_norm_and_the_change_at_moves_by_step() -> None:
    rows = [
        {**ABOUT, "step": 0, "norm": 2.0},
        {**ABOUT, "step": 5, "when": "move", "before": 1.0, "after": 1.5},
        {**ABOUT, "step": 9, "norm": 1.0},
    ]
    axis, curves = Flow().curves(rows)
    assert axis == "step"
    assert curves == {
        "gradient_norm/seed 3 ticket round 2": [(0, 2.0), (9, 1.0)],
        "gradient_norm_at_moves/seed 3 ticket round 2": [(5, 0.5)],
    }
    assert Flow().sentence(rows) == (
        "the norm of the gradient is 2 at first and 1 at the end in tickets with 10 %, 1 of 1 moves of masks raise it, "
        "by +0.5 in the mean of all"
    )


def test_negative_eigenvalues_are_told_at_the_last_look_and_around_moves() -> None:
    row = {**ABOUT, "exact": True, "size": 50, "values": [-1.0, 3.0], "weights": [0.5, 0.5]}
    rows = [
        {**row, "step": 0, "negative": 5.0},
        {**row, "step": 4, "when": "before", "negative": 2.0},
        {**row, "step": 4, "when": "after", "negative": 6.0},
        {**row, "step": 9, "negative": 1.0, "exact": False, "top": [4.0, 3.0]},
    ]
    _, curves = Hessian().curves(rows)
    assert curves["negative_share/seed 3 ticket round 2"] == [(0, 0.1), (9, 0.02)]
    assert curves["largest_eigenvalue/seed 3 ticket round 2"] == [(0, 3.0), (9, 4.0)]
    assert curves["negative_share/seed 3 ticket round 2 after a move"] == [(4, 0.12)]
    assert Hessian().sentence(rows) == (
        "of the Hessian's eigenvalues about 2 % are negative at step 9 and the largest is 4 in tickets with 10 %; "
        "moves of masks change the number of negative ones from 2 to 6 in the mean"
    )
