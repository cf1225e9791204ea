"""Figure of a study: what the starting weights of tickets are worth."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .accuracy import series
from .arms import Arm, describe
from .drawing import BAND, beside, density_axis, limits
from .intervals import paired_levels
from .panels import grid, label
from .setting import Setting, named
from .settings import RATE

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")


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
    by_value = dict(zip(values, looks(along, values), strict=True))
    rest = list(dict.fromkeys(setting.without(along) for setting in gaps))
    every = pd.concat(gaps.values())
    figure, panels, each = grid([s.name for s in rest], width)
    for axes, place in zip(panels, rest, strict=True):
        axes.axhline(0, color="#333333", linewidth=1.2)
        axes.axhspan(-100 * gap, 100 * gap, color=BAND, linewidth=0)
        here = {setting.at.get(along): own for setting, own in gaps.items() if setting.without(along) == place}
        shown = pd.concat(here.values())["density"]
        for index, (value, own) in enumerate(here.items()):
            series(axes, own, by_value[value], beside(own["density"], index, len(here), shown))
        density_axis(axes, shown.tolist(), each)
        axes.set_ylim(*limits(every, np.append(every["mean"], [-gap, gap])))
    label(figure, panels, "ticket \u2212 reinitialised (points)", explained=len(values) > 1)
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


def looks(axis: str, values: list[object]) -> list[Arm]:
    """Colours from dark to light in the order of the values, without the palest, and markers."""
    if len(values) < 2:
        return [describe(["ticket"])["ticket"]] * len(values)
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.86, len(values)))
    colours = [matplotlib.colors.to_hex(shade) for shade in shades]
    return [
        Arm(str(value), f"{axis} {named(value)}", "", "", colours[place], MARKERS[place % len(MARKERS)])
        for place, value in enumerate(values)
    ]
