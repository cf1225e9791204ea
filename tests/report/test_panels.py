from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lth_lightning.report import paired_difference, read, settings
from lth_lightning.report.arms import describe
from lth_lightning.report.gaps import gap_figure, gaps_of, line_axis
from lth_lightning.report.panels import accuracy_panels
from lth_lightning.report.setting import Setting

GRID = {"lr": [0.005, 0.1], "length": ["short", "long"]}


@pytest.fixture(scope="module", name="found")
def settings_of(
    tmp_path_factory: pytest.TempPathFactory, write_study: Callable[..., Path]
) -> dict[Setting, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("study")
    return settings(read(write_study(folder, grid=GRID, densities=(0.5, 0.2, 0.1))))


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes if axes.get_visible()]


@pytest.mark.parametrize("width", [8.6, 4.0])
def test_every_point_has_a_panel_of_the_same_scale(found: dict[Setting, pd.DataFrame], width: float) -> None:
    own = {setting: table for setting, table in found.items() if setting.method == "omp"}
    figure = accuracy_panels(own, "test_accuracy", width)
    assert [title.replace("\n", " ") for title in titles(figure)] == [setting.place for setting in own]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    for axes, table in zip(figure.axes, own.values(), strict=True):
        drawn = {bars.get_label(): bars[0] for bars in axes.containers}
        for name in ("ticket", "reinitialised", "small_dense"):
            arm = describe([name])[name]
            means = table[table["arm"] == name].groupby("round")["test_accuracy"].mean()
            assert drawn[arm.label].get_ydata() == pytest.approx(100 * means.to_numpy())
            assert drawn[arm.label].get_color() == arm.colour


def test_gaps_are_lines_of_a_learning_rate_in_a_panel_of_all_else(found: dict[Setting, pd.DataFrame]) -> None:
    figure = gap_figure(gaps_of(found, "test_accuracy"), 8.6, 0.005)
    places = [(method, length) for length in ("short", "long") for method in ("imp", "omp")]
    assert titles(figure) == [f"{method}, length {length}" for method, length in places]
    for axes, (method, length) in zip(figure.axes, places, strict=True):
        assert [bars.get_label() for bars in axes.containers] == ["lr 0.005", "lr 0.1"]
        for bars, rate in zip(axes.containers, GRID["lr"], strict=True):
            own = found[Setting(method, (("lr", rate), ("length", length)))]
            means = [100 * paired_difference(own, "ticket", "reinitialised", round=r).mean for r in (1, 2, 3)]
            assert np.asarray(bars[0].get_ydata()) == pytest.approx(means)
    colours = {bars.get_label(): bars[0].get_color() for axes in figure.axes for bars in axes.containers}
    assert len(set(colours.values())) == 2


def test_lines_are_learning_rates_or_else_the_last_axis_of_several_values(found: dict[Setting, pd.DataFrame]) -> None:
    assert line_axis(found) == "lr"
    assert line_axis({s: t for s, t in found.items() if s.at["lr"] == 0.1}) == "length"
    assert line_axis({Setting("imp"): pd.DataFrame()}) == ""


def test_settings_without_reinitialised_tickets_have_no_gap(found: dict[Setting, pd.DataFrame]) -> None:
    setting, table = next(iter(found.items()))
    assert gaps_of({setting: table[table["arm"] != "reinitialised"]}, "test_accuracy") == {}


def test_an_arm_of_a_method_looks_like_the_arm_and_is_called_by_both() -> None:
    told = describe(["imp/ticket", "dense", "imp/mine"])
    assert [arm.label for arm in told.values()] == ["dense", "imp/mine", "imp ticket"]
    assert told["imp/ticket"].colour == describe(["ticket"])["ticket"].colour
    assert told["imp/ticket"].plural == "tickets of imp"
