"""One look for all figures, and their way into files and into the page."""

import base64
import io
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..files import replacing
from .wording import share

WIDE, NARROW = 8.6, 4.0  # inches: a page on a desk and on a telephone
BAND = "#ECEEF1"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.parse_math": False,  # names of arms and layers are not formulas, whatever they contain
    "axes.edgecolor": "#8A8F98",
    "axes.labelcolor": "#33373D",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#E6E8EB",
    "xtick.color": "#5A6069",
    "ytick.color": "#5A6069",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "lth_lightning",  # the same results give the same bytes
}


@dataclass(frozen=True)
class Drawing:
    """A figure in the forms that the page and the folder need.

    Args:
        wide: Data URI of the SVG for wide screens.
        narrow: Data URI of the SVG for narrow screens.
        png: The wide figure as a PNG file's bytes.
    """

    wide: str
    narrow: str
    png: bytes


def render(build: Callable[[float], Figure]) -> Drawing:
    """Draw a figure for every width.

    Args:
        build: Makes the figure for a width in inches.

    Returns:
        The drawing; the same figure gives the same bytes.
    """
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # foreign names show as boxes
        wide, narrow = build(WIDE), build(NARROW)
        return Drawing(_embedded(wide), _embedded(narrow), _saved(wide, "png"))


def _embedded(figure: Figure) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(_saved(figure, 'svg')).decode()}"


def _saved(figure: Figure, kind: str) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


def write(file: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    with replacing(file) as partial:
        partial.write_bytes(content)


def panel(width: float) -> tuple[Figure, Axes]:
    """A figure of one panel, lower than that of accuracies, which comes first.

    Args:
        width: Its width in inches.
    """
    figure = Figure(figsize=(width, 0.42 * width + 0.4 if width > 6 else 3.7))
    return figure, figure.subplots()


def beside_each_other(width: float, count: int = 2) -> tuple[Figure, list[Axes], float]:
    """A figure of panels of different kinds, in one row where they have room and else below each other.

    Args:
        width: Its width in inches.
        count: Number of panels.

    Returns:
        The figure, its panels, and the width of each in inches.
    """
    if width > 6:
        figure = Figure(figsize=(width, min(0.82 * width / count + 0.3, 4.6)))
        return figure, list(figure.subplots(1, count, squeeze=False).ravel()), width / count
    figure = Figure(figsize=(width, 3.5 * count))
    return figure, list(figure.subplots(count, 1, squeeze=False).ravel()), width


def halo() -> list[AbstractPathEffect]:
    """What makes letters readable on any ground: a white edge."""
    return [withStroke(linewidth=2.5, foreground="white")]


def density_axis(axes: Axes, densities: list[float], width: float, ticks: list[float] | None = None) -> None:
    """A logarithmic axis from all weights on the left to few on the right.

    Args:
        axes: Where to draw.
        densities: What has to be on it.
        width: Its width in inches.
        ticks: Densities that may be written at it in percent, as far as there is room; by default all.
    """
    axes.set_xscale("log")
    places = sorted(densities, reverse=True)
    span = extent(places)
    axes.set_xlim(places[0] * math.exp(0.05 * span), places[-1] * math.exp(-0.05 * span))
    axes.xaxis.set_major_locator(FixedLocator(apart(sorted(ticks or places, reverse=True), span * 0.55 / width)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda density, _: share(density).removesuffix(" %")))
    axes.set_xlabel("weights kept (%, logarithmic)")


def extent(densities: Iterable[float]) -> float:
    """Length of a logarithmic axis over these densities, with some room where all are alike."""
    logarithms = [math.log(density) for density in densities]
    return max(max(logarithms) - min(logarithms), 0.2)


def apart(places: list[float], gap: float) -> list[float]:
    """Those of the falling densities whose logarithms are a gap apart, the last always among them."""
    chosen: list[float] = []
    for place in reversed(places):
        if not chosen or math.log(place / chosen[-1]) >= gap - 1e-9:
            chosen.append(place)
    return chosen


def beside(density: pd.Series, index: float, count: int, levels: Iterable[float]) -> np.ndarray:
    """Densities moved a little along the logarithmic axis, so that the bars of several arms do not hide each other.

    Args:
        density: Densities of one arm.
        index: Which arm it is, from 0.
        count: Number of arms.
        levels: Densities of all arms; what is moved stays closer to its own level than to the next.
    """
    places = -np.log(sorted(levels, reverse=True))
    gaps = np.diff(places)
    step = min([0.011 * extent(levels), *(0.6 * gaps[gaps > 0.02] / count)])
    moved: np.ndarray = density.to_numpy() * np.exp(-(index - (count - 1) / 2) * step)
    return moved


def limits(means: pd.DataFrame, seen: np.ndarray) -> tuple[float, float]:
    """An axis in percent for all that was seen and most intervals: that of two seeds may flatten all else.

    Args:
        means: Columns `low` and `high` of the intervals.
        seen: What must be inside.
    """
    room = max(seen.max() - seen.min(), 0.005)
    low = max(np.fmin(means["low"].min(), seen.min()), seen.min() - 0.5 * room)
    high = min(np.fmax(means["high"].max(), seen.max()), seen.max() + 0.5 * room)
    room = max(0.06 * room, (0.01 - (high - low)) / 2)  # no less than one percentage point: hundredths are noise
    return 100 * (low - room), 100 * (high + room)


def accuracy_limits(means: pd.DataFrame, seen: np.ndarray) -> tuple[float, float]:
    """`limits` of accuracies: intervals of seeds that fail and seeds that learn reach far beyond what can be."""
    low, high = limits(means, seen)
    return max(low, -2.0), min(high, 102.0)


def legend(figure: Figure, *panels: Axes) -> None:
    """A legend above the panels: one row where all labels fit, else as many columns as the longest leaves room for."""
    pairs = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in panels]
    by_label = {label: handle for own in pairs for handle, label in own}
    if by_label:
        labels, handles = list(by_label), list(by_label.values())
        room = figure.get_figwidth()
        widths = [0.55 + 0.075 * len(label) for label in labels]  # inches: the line, and letters of 10 points
        columns = len(labels) if sum(widths) <= room else max(1, int(room / max(widths)))
        figure.set_figheight(figure.get_figheight() + 0.2 * max(0, math.ceil(len(labels) / columns) - 2))
        figure.legend(handles, labels, loc="outside upper left", ncols=columns, handlelength=1.6, columnspacing=1.4)
