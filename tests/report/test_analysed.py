"""The figures of `lth analyze`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from scipy import stats
from shown import Page

from lth_lightning.report import write_report
from lth_lightning.report.analysed import analysed, barriers_figure, correlation_figure, distances_figure, draw_analysed
from lth_lightning.report.drawing import NARROW, WIDE

BARRIERS = {1: [0.01, 0.02, 0.06], 2: [0.0, 0.0, 0.0]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An experiment's folder with analyses of three seeds and two rounds."""

    def put(name: str, rows: list[dict[str, Any]]) -> None:
        (tmp_path / "analyses").mkdir(exist_ok=True)
        (tmp_path / "analyses" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    put(
        "between_rounds",
        [
            {
                "seed": seed,
                "from": number - 1,
                "to": number,
                "density": 0.5**number,
                "error_barrier": value,
                "statistics": "batch",
            }
            for number, values in BARRIERS.items()
            for seed, value in enumerate(values)
        ],
    )
    pairs = [(0, 1), (0, 2), (0, "init"), (1, 2), (1, "init"), (2, "init")]
    put(
        "distances",
        [
            {"seed": seed, "one": one, "other": other, "angular": (place + seed) / 10}
            for seed in (0, 1)
            for place, (one, other) in enumerate(pairs)
        ],
    )
    put(
        "weight_correlation",
        [{"round": n, "density": 0.5**n, "total": 0.8 - 0.1 * n, "chance": 0.2, "seed": 0} for n in (0, 1)],
    )
    return tmp_path


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_barriers_are_means_over_seeds_with_intervals_beside_the_line_of_stability(folder: Path, width: float) -> None:
    (axes,) = barriers_figure(analysed(folder, "between_rounds"), width).axes
    (bars,) = axes.containers
    assert bars[0].get_xdata() == pytest.approx([0.5, 0.25])
    assert bars[0].get_ydata() == pytest.approx([3, 0])
    low, high = bars[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, 3, stats.sem([1, 2, 6])))
    assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [2]
    assert axes.get_ylabel().endswith("batch norm: batch")


def test_the_map_is_symmetric_with_the_initialisation_last(folder: Path) -> None:
    axes = distances_figure(analysed(folder, "distances"), WIDE).axes[0]
    (mesh,) = [each for each in axes.collections if isinstance(each, QuadMesh)]
    values = np.asarray(mesh.get_array()).reshape(4, 4)
    assert values == pytest.approx(
        np.array([[0, 0.05, 0.15, 0.25], [0.05, 0, 0.35, 0.45], [0.15, 0.35, 0, 0.55], [0.25, 0.45, 0.55, 0]])
    )
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2", "init"]


def test_correlation_is_beside_its_chance(folder: Path) -> None:
    (axes,) = correlation_figure(analysed(folder, "weight_correlation"), WIDE).axes
    (bars,) = axes.containers
    assert bars[0].get_ydata() == pytest.approx([80, 70])
    assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [pytest.approx(20)]


def test_what_was_not_analysed_has_no_figure(tmp_path: Path) -> None:
    assert len(analysed(tmp_path, "distances")) == 0
    assert draw_analysed(tmp_path) == {}


def test_the_page_of_an_experiment_shows_its_analyses(
    folder: Path, write_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lth_lightning.report.page.draw", lambda *_: {})  # the other figures have tests of their own
    page = Page(write_report(write_experiment(folder, rounds=2)))
    for title in ("From one round to the next", "How far apart the rounds are", "Were the large weights large before?"):
        assert title in page.words
    for name in ("between_rounds", "distances", "weight_correlation"):
        assert (folder / "figures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
