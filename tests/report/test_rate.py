"""The figure and the table of `Rate`: laws that are known."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure
from shown import Page

from lth_lightning.report import mean_interval, write_report
from lth_lightning.report.drawing import NARROW, WIDE
from lth_lightning.report.laws import WAYS, laws, laws_tables
from lth_lightning.report.rate import rate_figure

RATES, POWER = (0.1, 0.12, 0.14), 1.0  # of greedy local imitation by seed, and of chance
NUMBERS = [1, 2, 4, 8, 16, 32]


def rows() -> list[dict[str, Any]]:
    """Of three seeds and a layer of 32 neurons: an exponential and a power, exactly."""
    found: list[dict[str, Any]] = []
    for seed, rate in enumerate(RATES):
        about = {"up_to": 0.5, "seed": seed, "layer": "net.hidden", "count": 32}
        for number in NUMBERS:
            for way, local in (("greedy_local", math.exp(-rate * number)), ("random", number**-POWER)):
                told = {"number": number, "neurons": number, "steps": number, "local": local, "output": local / 2}
                found.append({**about, "way": way, **told})
        for of in ("local", "output"):
            scale = 1.0 if of == "local" else 0.5
            both: dict[str, Any] = {"rate_scale": scale, "power_scale": scale, "of": of, "points": 5}
            exact = {"rate": rate, "rate_r2": 1.0, "power": 0.4, "power_r2": 0.8}
            found.append({**about, "way": "greedy_local", **exact, **both})
            found.append({**about, "way": "random", "rate": 0.1, "rate_r2": 0.7, "power": 1, "power_r2": 1.0, **both})
    return found


def marks(figure: Figure, panel: int) -> dict[str, Any]:
    return {
        str(line.get_label()): line for line in figure.axes[panel].lines if not str(line.get_label()).startswith("_")
    }


def dashed(figure: Figure, panel: int) -> list[Any]:
    return [line for line in figure.axes[panel].lines if line.get_linestyle() == "--"]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_means_over_seeds_are_drawn_over_both_axes_without_all_neurons(width: float) -> None:
    figure = rate_figure(pd.DataFrame(rows()), width)
    assert len(figure.axes) == 6, "for the layer and the output two panels and a legend"
    for panel, scale in ((0, 1.0), (1, 1.0), (3, 0.5), (4, 0.5)):
        drawn = marks(figure, panel)
        assert list(drawn) == ["greedy local\nexp(\N{MINUS SIGN}0.12 n)", "random\nn^\N{MINUS SIGN}1.00"]
        greedy, chance = drawn.values()
        assert greedy.get_xdata().tolist() == NUMBERS[:-1]
        assert greedy.get_ydata() == pytest.approx([scale * math.exp(-0.12 * n) for n in NUMBERS[:-1]])
        assert chance.get_ydata() == pytest.approx([scale / n for n in NUMBERS[:-1]])
    assert [axes.get_xscale() for axes in figure.axes[:2]] == ["linear", "log"]
    assert all(figure.axes[panel].get_yscale() == "log" for panel in (0, 1, 3, 4))
    band = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(math.exp(mean_interval([-rate for rate in RATES]).high))


def test_the_law_that_explains_more_is_dashed_where_it_is_straight() -> None:
    figure = rate_figure(pd.DataFrame(rows()), WIDE)
    (exponential,), (power,) = dashed(figure, 0), dashed(figure, 1)
    assert exponential.get_color() == WAYS["greedy_local"].colour
    assert exponential.get_xdata().tolist() == NUMBERS[:-1], "up to half of the neurons"
    assert exponential.get_ydata() == pytest.approx([math.exp(-0.12 * n) for n in NUMBERS[:-1]])
    assert power.get_color() == WAYS["random"].colour
    assert power.get_ydata() == pytest.approx([1 / n for n in NUMBERS[:-1]])


def test_without_laws_there_is_a_figure_and_no_table() -> None:
    table = pd.DataFrame([row for row in rows() if "of" not in row])
    figure = rate_figure(table, WIDE)
    assert [*marks(figure, 0)] == ["greedy local", "random"]
    assert not dashed(figure, 0)
    assert laws_tables(table) == laws_tables(pd.DataFrame()) == []


def test_of_two_seeds_there_are_no_bands_and_of_three_layers_the_widest_are_drawn() -> None:
    two = [row for row in rows() if row["seed"] < 2]
    wider = [{**row, "layer": f"net.wide{count}", "count": count} for count in (64, 128) for row in two]
    figure = rate_figure(pd.DataFrame([*two, *wider]), WIDE)
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes]
    assert titles[::3] == ["layer net.wide128", "the network's output", "layer net.wide64", "the network's output"]
    assert not any(axes.collections for axes in figure.axes)


def test_slopes_have_the_interval_over_seeds() -> None:
    table = pd.DataFrame(rows())
    greedy, chance = laws(table, "net.hidden", "local")
    assert greedy.rate == mean_interval(RATES)
    assert (greedy.exponential, chance.exponential) == (True, False)
    one, other = laws_tables(table)
    assert (one.title, one.n, one.up_to) == ("net.hidden: discrepancy of the layer", 3, 0.5)
    assert one.lines[0] == (
        "greedy local",
        f"0.120 ± {mean_interval(RATES).half_width:.3f}",
        "1.00",
        "0.400 ± 0.000",
        "0.80",
        0,
    )
    assert one.lines[1] == ("random", "0.100 ± 0.000", "0.70", "1.00 ± 0.00", "1.00", 1)
    assert other.title == "net.hidden: discrepancy of the network's output"


def test_the_page_shows_figure_and_table(
    tmp_path: Path, write_experiment: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lth_lightning.report.page.draw", lambda *_: {})  # the other figures have tests of their own
    (tmp_path / "analyses").mkdir()
    (tmp_path / "analyses" / "rate.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    write_experiment(tmp_path, rounds=1)
    page = Page(write_report(tmp_path))
    assert "How fast a few neurons become the layer" in page.words
    assert "net.hidden: discrepancy of the layer" in page.words
    assert "up to 50 % of the neurons" in " ".join(page.words.split())
    assert (tmp_path / "figures" / "rate.png").is_file()
    cells = next(cells for cells in page.tables if any("±" in cell for cell in cells) and "1.00" in cells)
    assert cells[-4:] == ["0.100 ± 0.000", "0.70", "1.00 ± 0.00", "1.00"]
