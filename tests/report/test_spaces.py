"""The figures of function space, planes and curves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from shown import Page

from lth_lightning.report import write_report
from lth_lightning.report.analysed import draw_analysed
from lth_lightning.report.connected import connected_figure
from lth_lightning.report.drawing import NARROW, WIDE
from lth_lightning.report.function_space import function_space_figure
from lth_lightning.report.plane import planes_figure

PLACES = {
    0: (0.03, 0.0),
    1: (-0.01, 0.0),
    2: (-0.01, 0.0),
    3: (-0.01, 0.02),
}  # of networks; rounds 1 and 2 say the same
GRID = [-2.0, 0.0, 2.0, 4.0]


def answers(seeds: int = 2) -> list[dict[str, Any]]:
    """Rows of `FunctionSpace`, of which the picture is exact."""
    found = []
    for seed in range(seeds):
        for number, (x, y) in PLACES.items():
            row = {"round": number, "accuracy": 0.9, "ensemble_accuracy": 0.9, "x": x, "y": y}
            found.append({"seed": seed, "density": 0.5**number, **row})
        for one in PLACES:
            for other in range(one + 1, 4):
                apart = float(np.hypot(*np.subtract(PLACES[one], PLACES[other])))
                row = {"one": one, "other": other, "disagreement": apart}
                found.append({"seed": seed, "density": 0.5**other, **row})
    return found


def planes(seeds: int = 2, low: float = 0.02) -> list[dict[str, Any]]:
    """Rows of `Planes`, in which the error grows with the distance from the first network."""
    error: list[list[float | None]] = [[low + 0.1 * (x**2 + y**2) ** 0.5 for x in GRID] for y in GRID]
    error[3][3] = None
    row = {"through": [0, 2, 3], "at": [[0, 0], [2, 0], [1, 2]], "x": GRID, "y": GRID, "error": error}
    return [{"seed": seed, "statistics": "estimated", **row} for seed in range(seeds)]


def curves() -> list[dict[str, Any]]:
    """Rows of `Curves` of two seeds; the line is highest in the second seed between rounds 1 and 2."""
    found = []
    for seed in (0, 1):
        for number in (1, 2):
            high = 0.1 * number + 0.02 * seed
            row: dict[str, Any] = {"from": number - 1, "to": number, "density": 0.5**number, "statistics": "batch"}
            row |= {"alphas": [0, 0.5, 1], "line_error": [0, high, 0], "error": [0, 0.01 * number, 0]}
            row |= {"line_error_barrier": high, "error_barrier": 0.01 * number}
            found.append({"seed": seed, **row})
    return found


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_networks_are_where_they_were_put_and_those_that_say_the_same_share_a_label(width: float) -> None:
    left, right = function_space_figure(pd.DataFrame(answers()), width).axes
    points = [line for line in left.lines if line.get_marker() != "None"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in points] == [
        pytest.approx((100 * x, 100 * y)) for x, y in PLACES.values()
    ]
    assert [line.get_marker() for line in points] == ["s", "o", "o", "o"]
    assert texts(left) == ["dense", "1, 2", "3"]
    assert left.get_title() == "seed 0"
    assert left.get_xlabel() == "points of disagreement (stress 0.00)"
    with_dense, with_before = (bars[0].get_ydata() for bars in right.containers)
    assert with_dense == pytest.approx([4, 4, 100 * np.hypot(0.04, 0.02)])
    assert with_before == pytest.approx([4, 0, 2])


def test_a_picture_that_is_not_exact_says_how_far_it_is_off() -> None:
    table = pd.DataFrame(answers(1))
    table.loc[table["one"].notna(), "disagreement"] *= 2
    assert function_space_figure(table, WIDE).axes[0].get_xlabel() == "points of disagreement (stress 0.50)"


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_planes_are_drawn_to_scale_with_the_three_networks_and_errors_in_percent(width: float) -> None:
    *panels, bar = planes_figure(pd.DataFrame(planes()), width).axes
    assert len(panels) == 2
    for seed, axes in enumerate(panels):
        assert axes.get_aspect() == 1
        assert axes.get_title() == f"seed {seed}"
        assert texts(axes) == ["dense", "round 2", "round 3"]
        assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines] == [(0, 0), (2, 0), (1, 2)]
    assert "error (%)\nbatch norm: estimated" in (bar.get_ylabel(), bar.yaxis.get_label_text())
    ticks = [float(label.get_text()) for label in bar.get_yticklabels()]
    assert ticks == sorted(ticks)
    assert ticks[0] <= 2
    assert 40 < ticks[-1] <= 60


def test_where_little_differs_the_colours_still_do() -> None:
    table = pd.DataFrame(planes(1))
    table.at[0, "error"] = [[0.020, 0.021], [0.022, 0.024]]
    table.at[0, "x"] = table.at[0, "y"] = [0.0, 2.0]
    bar = planes_figure(table, WIDE).axes[-1]
    ticks = [float(label.get_text()) for label in bar.get_yticklabels()]
    assert len(ticks) >= 4
    assert 1.5 < ticks[0] <= 2
    assert 2.4 <= ticks[-1] < 3


def test_where_nothing_differs_there_is_a_figure() -> None:
    table = pd.DataFrame(planes(1))
    table.at[0, "error"] = [[0.0, 0.0], [0.0, 0.0]]
    table.at[0, "x"] = table.at[0, "y"] = [0.0, 2.0]
    assert len(planes_figure(table, WIDE).axes) == 2


def test_no_more_planes_are_drawn_than_can_be_read() -> None:
    assert len(planes_figure(pd.DataFrame(planes(7)), WIDE).axes) == 3 + 1


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_barriers_of_both_are_means_and_the_highest_line_is_shown(width: float) -> None:
    left, right = connected_figure(pd.DataFrame(curves()), width).axes
    line, curve = (bars[0].get_ydata() for bars in left.containers)
    assert line == pytest.approx([11, 21])
    assert curve == pytest.approx([1, 2])
    assert [list(drawn.get_ydata()) for drawn in right.lines] == [pytest.approx([0, 22, 0]), pytest.approx([0, 2, 0])]
    assert right.get_title() == "the highest line: seed 1"
    assert [label.get_text() for label in right.get_xticklabels()] == ["round 1", "half way", "round 2"]


def test_the_page_of_an_experiment_shows_them(
    tmp_path: Path, write_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lth_lightning.report.page.draw", lambda *_: {})  # the other figures have tests of their own
    (tmp_path / "analyses").mkdir()
    for name, rows in (("function_space", answers(1)), ("planes", planes(1)), ("curves", curves())):
        (tmp_path / "analyses" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = Page(write_report(write_experiment(tmp_path, rounds=3)))
    for title in ("Ways around barriers", "Around three rounds", "What networks of all rounds answer"):
        assert title in page.words
    for name in ("function_space", "planes", "curves"):
        assert (tmp_path / "figures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_of_fewer_than_three_networks_there_is_no_plane_to_draw(tmp_path: Path) -> None:
    (tmp_path / "analyses").mkdir()
    (tmp_path / "analyses" / "planes.jsonl").write_text("")
    assert draw_analysed(tmp_path) == {}
