"""Figures of what `lth analyze` wrote of several trainings at once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from shown import Page

from lth_lightning.report import write_report
from lth_lightning.report.analysed import analysed, distances_figure, draw_analysed
from lth_lightning.report.drawing import WIDE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An experiment's folder with analyses of two seeds and two rounds."""

    def put(name: str, rows: list[dict[str, Any]]) -> None:
        (tmp_path / "analyses").mkdir(exist_ok=True)
        (tmp_path / "analyses" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    pairs = [(0, 1), (0, 2), (0, "init"), (1, 2), (1, "init"), (2, "init")]
    put(
        "distances",
        [
            {"seed": seed, "one": one, "other": other, "angular": (place + seed) / 10}
            for seed in (0, 1)
            for place, (one, other) in enumerate(pairs)
        ],
    )
    return tmp_path


def test_the_map_is_symmetric_with_the_initialisation_last(folder: Path) -> None:
    axes = distances_figure(analysed(folder, "distances"), WIDE).axes[0]
    (mesh,) = [each for each in axes.collections if isinstance(each, QuadMesh)]
    values = np.asarray(mesh.get_array()).reshape(4, 4)
    assert values == pytest.approx(
        np.array([[0, 0.05, 0.15, 0.25], [0.05, 0, 0.35, 0.45], [0.15, 0.35, 0, 0.55], [0.25, 0.45, 0.55, 0]])
    )
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2", "init"]


def test_what_was_not_analysed_has_no_figure(tmp_path: Path) -> None:
    assert len(analysed(tmp_path, "distances")) == 0
    assert draw_analysed(tmp_path) == {}


def test_the_page_of_an_experiment_shows_its_analyses(
    folder: Path, write_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lth_lightning.report.page.draw", lambda *_: {})  # the other figures have tests of their own
    page = Page(write_report(write_experiment(folder, rounds=2)))
    assert "How far apart the rounds are" in page.words
    assert (folder / "figures" / "distances.png").read_bytes()[:4] == b"\x89PNG"
