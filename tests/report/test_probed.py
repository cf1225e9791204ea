"""The figures of what probes saw while networks trained, and what that took of the time."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from shown import Page

from lth_lightning.report import mean_interval, read, write_report
from lth_lightning.report.drawing import NARROW, WIDE
from lth_lightning.report.gradient_flow import gradient_flow_figure
from lth_lightning.report.hessian import hessian_figure

ARMS = (
    ("dense", 0, 1.0),
    ("ticket", 1, 0.5),
    ("ticket", 2, 0.25),
    ("reinitialised", 1, 0.5),
    ("reinitialised", 2, 0.25),
)


def norm(arm: str, number: int, step: int, seed: int) -> float:
    return 1 + len(arm) + number + step / 100 + seed / 10


def norms(moves: bool) -> pd.DataFrame:
    """Of three seeds and five steps; tickets of round 2 move their mask twice."""
    found: list[dict[str, Any]] = []
    for seed in range(3):
        for arm, number, density in ARMS:
            about = {"seed": seed, "arm": arm, "round": number, "density": density}
            found += [{**about, "step": step, "norm": norm(arm, number, step, seed)} for step in range(0, 500, 100)]
            if moves and (arm, number) == ("ticket", 2):
                found += [
                    {**about, "step": at, "when": "move", "before": 2.0, "after": 2 + seed - at / 100}
                    for at in (100, 200)
                ]
    return pd.DataFrame(found)


def lines(figure: Figure, panel: int) -> dict[str, Any]:
    return {
        str(line.get_label()): line
        for line in figure.axes[panel].lines
        if len(line.get_xdata()) > 2 or line.get_marker() != "None"
    }


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_each_arm_has_the_mean_of_its_fewest_weights_at_every_step(width: float) -> None:
    figure = gradient_flow_figure(norms(moves=False), width)
    drawn = lines(figure, 0)
    assert set(drawn) == {"dense", "ticket, 25 %", "reinitialised, 25 %"}
    for label, arm, number in (("dense", "dense", 0), ("ticket, 25 %", "ticket", 2)):
        assert drawn[label].get_xdata().tolist() == [0, 100, 200, 300, 400]
        assert drawn[label].get_ydata() == pytest.approx([norm(arm, number, step, 1) for step in range(0, 500, 100)])
    band = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    interval = mean_interval([norm("dense", 0, 400, seed) for seed in range(3)])
    assert band.max() == pytest.approx(interval.high)
    assert set(lines(figure, 1)) == {"100 %", "50 %", "25 %"}
    assert len(figure.axes) == 2, "no mask moved"


def test_changes_at_moves_are_the_norm_after_minus_before() -> None:
    figure = gradient_flow_figure(norms(moves=True), WIDE)
    (line,) = (line for line in figure.axes[2].lines if line.get_label() == "ticket, 25 %")
    assert line.get_xdata().tolist() == [100, 200]
    assert line.get_ydata() == pytest.approx([0, -1])


def spectra(moves: bool) -> pd.DataFrame:
    """Of two seeds: dense networks with four eigenvalues, and sparse ones by a quadrature of two for ten."""
    found: list[dict[str, Any]] = []
    for seed in range(2):
        about = {"seed": seed, "round": 0, "step": 9}
        values = [-1.0, 0.0, 0.0, 10.0 + seed]
        found.append(
            {
                **about,
                "arm": "dense",
                "density": 1.0,
                "values": values,
                "weights": [0.25] * 4,
                "size": 4,
                "negative": 1.0,
            }
        )
        row = {
            "arm": "sparse",
            "density": 0.1,
            "values": [-0.5, 2.0],
            "weights": [0.3, 0.7],
            "size": 10,
            "negative": 3.0,
        }
        found.append({**about, **row, "round": 1})
        if moves:
            found += [
                {**about, **row, "round": 1, "when": side, "negative": 2.0 + 2 * (side == "after")}
                for side in ("before", "after")
            ]
    return pd.DataFrame(found)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_histogram_has_all_eigenvalues_and_a_quadrature_those_that_it_stands_for(width: float) -> None:
    figure = hessian_figure(spectra(moves=True), width)
    counts = {patch.get_label(): patch.get_data() for patch in figure.axes[0].patches if isinstance(patch, StepPatch)}
    assert {label: data.values.sum() for label, data in counts.items()} == pytest.approx(
        {"dense": 4, "sparse, 10 %": 10}
    )
    values, edges, _ = counts["dense"]
    assert edges[0] < -1 < edges[1], "the lowest is in the first bin"
    assert values[0] == 1
    (zero,) = values[(edges[:-1] < 0) & (edges[1:] > 0)]
    assert zero == 2
    shares = {str(line.get_label()): line.get_ydata().tolist() for line in figure.axes[1].lines}
    assert shares == {
        "dense": [25],
        "sparse, 10 %": [30],
        "sparse, 10 %, before a move": [20],
        "sparse, 10 %, after a move": [40],
    }
    assert not any("$" in label.get_text() for axes in figure.axes for label in axes.get_xticklabels())


def test_the_page_shows_them_and_the_share_of_the_time(
    tmp_path: Path, write_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lth_lightning.report.page.draw", lambda *_: {})  # the other figures have tests of their own
    (tmp_path / "analyses").mkdir()
    for name, table in (("gradient_flow", norms(moves=True)), ("hessian", spectra(moves=True))):
        rows = (row.dropna().to_dict() for _, row in table.iterrows())
        (tmp_path / "analyses" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_experiment(tmp_path, rounds=1)
    noted = sorted(tmp_path.rglob("timing.json"))
    for file in noted[:2]:
        file.write_text(json.dumps({"seconds": 50, "gradient_flow": 2}))
    page = Page(write_report(tmp_path))
    for title in ("How much gradient flows", "How the loss is curved"):
        assert title in page.words
    assert "of training time (4 % of it gradient flow)" in page.words
    assert read(tmp_path)["seconds_gradient_flow"].dropna().tolist() == [2, 2]
