"""What analyses measured of single trainings: columns of the table, claims and figures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer
from scipy import stats
from shown import Page

from lth_lightning.claims import Claim
from lth_lightning.report import judge, read, write_report
from lth_lightning.report.drawing import NARROW, WIDE
from lth_lightning.report.measured import LABELS, measure_panels
from lth_lightning.report.measures import measures
from lth_lightning.report.setting import Setting
from lth_lightning.report.stability import stability


def put(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / "analyses").mkdir(exist_ok=True)
    (folder / "analyses" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path, write_experiment: Callable[..., Path]) -> Path:
    """An experiment of three seeds and two rounds, with barriers of its tickets in two ways."""
    folder = write_experiment(tmp_path / "imp", rounds=2)
    tickets = read(folder).query("arm == 'ticket'")
    values = {1: [0.01, 0.02, 0.06], 2: [0.0, 0.01, 0.02]}
    rows = [
        {"folder": row["folder"], "error_barrier": values[row["round"]][row["seed"]] + shift, "statistics": way}
        for row in tickets.to_dict("records")
        for way, shift in (("interpolated", 0.0), ("batch", 0.5))
    ]
    put(folder, "between_rounds", rows)
    return folder


def test_the_first_of_several_ways_is_the_column_of_the_training(folder: Path) -> None:
    table = read(folder)
    found = table.pivot(index="seed", columns=["arm", "round"], values="error_barrier")
    assert found["ticket", 1].tolist() == [0.01, 0.02, 0.06]
    assert found["ticket", 2].tolist() == [0.0, 0.01, 0.02]
    assert found["dense", 0].isna().all()


def test_a_line_cut_off_by_a_full_disk_is_passed_over(folder: Path) -> None:
    file = folder / "analyses" / "between_rounds.jsonl"
    file.write_text(file.read_text()[:-40])
    assert sum("error_barrier" in row for row in measures(folder).values()) == 6


def test_a_claim_may_be_about_what_an_analysis_measures(folder: Path) -> None:
    density = float(read(folder).query("arm == 'ticket' and round == 1")["density"].mean())
    claim = Claim("low", "ticket", at={"density": density}, lies="below", by=0.5, metric="error_barrier")
    judged = judge(claim, read(folder))
    assert judged.answer == "supported"
    assert (judged.interval.low, judged.interval.high) == pytest.approx(
        stats.t.interval(0.95, 2, 0.03, stats.sem([0.01, 0.02, 0.06]))
    )
    before = Claim("low", "ticket", at={"density": density}, lies="below", by=0.5, metric="instability")
    assert judge(before, read(folder)).answer == "not finished"
    with pytest.raises(ValueError, match="which results lack"):
        judge(Claim("low", "ticket", at={"density": density}, lies="below", metric="beauty"), read(folder))


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_panel_shows_means_with_intervals_beside_the_line_of_stability(folder: Path, width: float) -> None:
    table = read(folder)
    (axes,) = measure_panels({Setting(""): table}, "error_barrier", width).axes
    (bars,) = axes.containers
    assert bars[0].get_ydata() == pytest.approx([3, 1])
    low, high = bars[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, 3, stats.sem([1, 2, 6])))
    assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [2]
    assert axes.figure.get_supylabel().endswith("batch norm: interpolated")


def copies(instability: dict[str, list[float]]) -> pd.DataFrame:
    """Copies of dense networks from some moments, with their instability by seed."""
    rows = [
        {"arm": f"from_{moment}", "round": 0, "seed": seed, "density": 1.0, "instability": value}
        for moment, values in instability.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def from_left(bars: ErrorbarContainer) -> list[float]:
    """The heights of points, from left to right."""
    return [float(y) for _, y in sorted(zip(bars[0].get_xdata(), bars[0].get_ydata(), strict=True))]


def test_moments_are_in_the_order_of_training() -> None:
    table = copies({"2ep": [0.0, 0.01], "10it": [0.1, 0.2], "10ep": [0.0, 0.0], "0it": [0.5, 0.7], "2it": [0.3, 0.3]})
    (axes,) = measure_panels({Setting(""): table}, "instability", WIDE).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [*("0it", "2it", "10it", "2ep", "10ep")]
    assert from_left(axes.containers[0]) == pytest.approx([60, 30, 15, 0.5, 0])


def test_of_a_grid_each_value_is_a_line() -> None:
    found = {
        Setting("noise", (("batch_size", size),)): copies({"0it": [level, level + 0.1], "1ep": [level / 2, level / 4]})
        for size, level in ((32, 0.8), (256, 0.1))
    }
    (axes,) = measure_panels(found, "instability", WIDE).axes
    assert [container.get_label() for container in axes.containers] == ["batch_size 32", "batch_size 256"]
    assert [from_left(bars)[0] for bars in axes.containers] == pytest.approx([85, 15])


@pytest.mark.parametrize(
    ("instability", "said"),
    [
        ({"0it": [0.5, 0.7], "1ep": [0.03, 0.05], "2ep": [0.0, 0.01], "4ep": [0.01, 0.0]}, "stable from 2ep on"),
        ({"0it": [0.0, 0.01], "1ep": [0.3, 0.5]}, "they are not stable"),
        ({"0it": [0.0, 0.01], "1ep": [0.3, 0.5], "2ep": [0.0, 0.0]}, "stable from 2ep on"),
        ({"0it": [0.0, 0.01], "1ep": [0.0, 0.0]}, "stable from 0it on"),
    ],
)
def test_the_onset_is_the_first_moment_after_which_all_are_below_the_bound(
    instability: dict[str, list[float]], said: str
) -> None:
    assert said in stability(copies(instability))


def test_without_an_analysis_the_sentence_names_the_command() -> None:
    assert "lth analyze" in stability(copies({"0it": [0.5]}).drop(columns="instability"))
    assert stability(pd.DataFrame({"arm": ["dense", "ticket"]})) == ""


def test_the_page_of_an_experiment_shows_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lth_lightning.report.page.draw", lambda *_: {})  # the other figures have tests of their own
    trained = read(folder).query("arm != 'reinitialised'")["folder"].tolist()
    put(folder, "weight_correlation", [{"folder": each, "total": 0.5} for each in trained])
    put(folder, "instability", [{"folder": each, "error_barrier": 0.1} for each in trained])
    page = Page(write_report(folder))
    for title in ("From one round to the next", "Does SGD noise matter?", "Were the large weights large before?"):
        assert title in page.words
    for name in ("error_barrier", "instability", "weight_correlation"):
        assert (folder / "figures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_a_measure_that_is_no_share_has_its_own_unit() -> None:
    assert [name for name, said in LABELS.items() if not said.endswith(")")] == ["angular_distance"]
    table = copies({"0it": [0.5, 0.5]}).rename(columns={"instability": "angular_distance"})
    figure = measure_panels({Setting(""): table}, "angular_distance", WIDE)
    figure.canvas.draw()
    (axes,) = figure.axes
    shown = [float(tick.get_text()) for tick in axes.get_yticklabels()]
    assert np.allclose(shown, axes.get_yticks() / 100)


def test_how_much_gradient_flows_at_the_beginning_is_a_column(tmp_path: Path) -> None:
    (tmp_path / "analyses").mkdir()
    looks = [{"folder": "a", "step": step, "norm": norm} for step, norm in ((0, 9.0), (5, 1.0), (10, 3.0), (100, 7.0))]
    moves = [
        {"folder": "a", "step": step, "before": 1.0, "after": after} for step, after in ((4, 3.0), (8, 2.0), (50, 9.0))
    ]
    late = [{"folder": "b", "step": step, "norm": 1.0} for step in (0, 100)]
    file = tmp_path / "analyses" / "gradient_flow.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in (*looks, *moves, *late)))
    assert measures(tmp_path) == {"a": {"gradient_norm_early": 2.0, "gradient_change_early": 1.5}, "b": {}}
