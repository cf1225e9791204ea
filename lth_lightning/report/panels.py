"""Figures of a study: small panels of the same scale, side by side."""

import textwrap
from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .accuracy import dense_band, series
from .arms import Arm, describe
from .drawing import BAND, beside, density_axis, legend, limits
from .intervals import levels, paired_levels
from .sentences import WORDS
from .settings import RATE, Setting, named

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")


def accuracy_panels(found: Mapping[Setting, pd.DataFrame], metric: str, width: float) -> Figure:
    """Accuracy of every arm of a method against the share of weights kept, a panel per point of the grid.

    Args:
        found: The settings of one method.
        metric: Column to draw.
        width: Width of the figure in inches.

    Returns:
        Means over seeds with t intervals, dense networks as a horizontal band; all panels have the same scale.
    """
    means = {setting: levels(_drawable(own, metric), metric) for setting, own in found.items()}
    every = pd.concat(means.values())
    arms = describe(every["arm"])
    others = [arm for name, arm in arms.items() if name != "dense"]
    figure, panels, each = _grid([setting.place for setting in found], width)
    for axes, own in zip(panels, means.values(), strict=True):
        sparse = own.loc[own["arm"] != "dense", "density"]
        shown = sparse if len(sparse) else own["density"]
        for index, arm in enumerate(others):
            here = own[own["arm"] == arm.name]
            if len(here):
                series(axes, here, arm, beside(here["density"], index, len(others), shown))
        dense = own[own["arm"] == "dense"]
        if len(dense):
            dense_band(axes, dense.iloc[0], arms["dense"])
        tickets = own.loc[own["arm"] == "ticket", "density"]  # small dense networks keep about as many
        density_axis(axes, shown.tolist(), each, tickets.tolist())
        axes.set_ylim(*limits(every, every["mean"].to_numpy()))
    _label(figure, panels, f"{WORDS[metric]} (%)")
    return figure


def gap_figure(gaps: Mapping[Setting, pd.DataFrame], width: float, gap: float) -> Figure:
    """Tickets minus reinitialised ones against the share of weights kept, a line per learning rate.

    Args:
        gaps: As `gaps_of` returns them.
        width: Width of the figure in inches.
        gap: Half the height of the shaded band about zero: what tickets have to exceed.

    Returns:
        Mean differences in percentage points with t intervals, a panel per method and other axis. Where the learning
        rate is no axis, the last axis takes its place.
    """
    along = line_axis(gaps)
    values = list(dict.fromkeys(setting.at.get(along) for setting in gaps))
    looks = dict(zip(values, _looks(along, values), strict=True))
    rest = list(dict.fromkeys(setting.without(along) for setting in gaps))
    every = pd.concat(gaps.values())
    figure, panels, each = _grid([", ".join(filter(None, [s.method, s.place])) for s in rest], width)
    for axes, place in zip(panels, rest, strict=True):
        axes.axhline(0, color="#333333", linewidth=1.2)
        axes.axhspan(-100 * gap, 100 * gap, color=BAND, linewidth=0)
        here = {setting.at.get(along): own for setting, own in gaps.items() if setting.without(along) == place}
        shown = pd.concat(here.values())["density"]
        for index, (value, own) in enumerate(here.items()):
            series(axes, own, looks[value], beside(own["density"], index, len(here), shown))
        density_axis(axes, shown.tolist(), each)
        axes.set_ylim(*limits(every, np.append(every["mean"], [-gap, gap])))
    _label(figure, panels, "ticket \u2212 reinitialised (points)", explained=len(values) > 1)
    return figure


def gaps_of(found: Mapping[Setting, pd.DataFrame], metric: str) -> dict[Setting, pd.DataFrame]:
    """Tickets minus reinitialised ones, of the settings in which they can be compared (see `paired_levels`)."""
    gaps = {setting: paired_levels(own, metric, ["reinitialised"]) for setting, own in found.items()}
    return {setting: own for setting, own in gaps.items() if len(own)}


def line_axis(found: Mapping[Setting, pd.DataFrame]) -> str:
    """The axis whose values are lines: the learning rate, or the last of several values; empty where there is none."""
    values: dict[str, set[str]] = {}
    for setting in found:
        for axis, value in setting.point:
            values.setdefault(axis, set()).add(str(value))
    several = [axis for axis, own in values.items() if len(own) > 1]
    return RATE if RATE in several else several[-1] if several else ""


def _drawable(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[(table["density"] > 0) & table[metric].notna()]


def _looks(axis: str, values: list[object]) -> list[Arm]:
    """Colours from dark to light in the order of the values, without the palest, and markers."""
    if len(values) < 2:
        return [describe(["ticket"])["ticket"]] * len(values)
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.86, len(values)))
    colours = [matplotlib.colors.to_hex(shade) for shade in shades]
    return [
        Arm(str(value), f"{axis} {named(value)}", "", "", colours[place], MARKERS[place % len(MARKERS)])
        for place, value in enumerate(values)
    ]


def _grid(titles: list[str], width: float) -> tuple[Figure, list[Axes], float]:
    """A figure with a titled panel each, and their width in inches."""
    few = len(titles) <= 3
    columns = min(len(titles), (2 if len(titles) in (2, 4) else 3) if width > 6 else 1 if few else 2)
    rows = -(-len(titles) // columns)
    each = width / columns
    height = 0.5 * width + 0.4 if columns == 1 and width > 6 else 2.5 if columns > 1 else 2.9
    figure = Figure(figsize=(width, 0.6 + rows * (height if columns == 1 or width > 6 else 2.1)))
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes in panels[len(titles) :]:
        axes.set_visible(False)
    for axes, title in zip(panels, titles, strict=False):
        axes.set_title("\n".join(textwrap.wrap(title, int(9.5 * each))), fontsize=9.5)
    return figure, list(panels[: len(titles)]), each


def _label(figure: Figure, panels: list[Axes], vertical: str, explained: bool = True) -> None:
    """One label for all axes of a kind, and one legend."""
    for axes in panels:
        axes.set_xlabel("")
    figure.supxlabel("weights kept (%, logarithmic)", fontsize=10, color="#33373D")
    figure.supylabel(vertical, fontsize=10, color="#33373D")
    if explained:
        legend(figure, *panels)
