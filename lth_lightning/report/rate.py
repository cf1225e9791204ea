"""The figure of `Rate`: discrepancies against the number of neurons, and the laws by which they fall."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from .intervals import mean_interval
from .laws import MEASURES, WAYS, laws

FLOOR = 1e-10  # a share of the mean square: below is rounding
SEEDS = 3  # of fewer an interval would hide all else
LAYERS = 2  # as many as are drawn, the widest first


def rate_figure(table: pd.DataFrame, width: float) -> Figure:
    """Discrepancies of a layer and of the output against neurons: a row for each, over a linear and a logarithmic axis.

    Args:
        table: Rows of `Rate`.
        width: Width of the figure in inches.

    Returns:
        Geometric means over seeds, of three or more with t intervals of the logarithms as bands. On the left an
        exponential law is a straight line, on the right a power; the law of each way that explains more is dashed
        there, and in the legend. All neurons are left out: they are the layer.
    """
    points = table[table["number"].notna()]
    counts = points.groupby("layer", sort=False)["count"].first().sort_values(ascending=False, kind="stable")
    parts = [(layer, of) for layer in counts.index[:LAYERS] for of in MEASURES]
    if width > 6:
        figure = Figure(figsize=(width, 3.2 * len(parts)))
        grid = figure.subplots(len(parts), 3, squeeze=False, gridspec_kw={"width_ratios": [1, 1, 0.55]})
    else:
        heights = [1, 1, 0.5] * len(parts)
        figure = Figure(figsize=(width, 7.4 * len(parts)))
        grid = figure.subplots(3 * len(parts), 1, gridspec_kw={"height_ratios": heights}).reshape(len(parts), 3)
    for (layer, of), row in zip(parts, grid, strict=True):
        _row(row, table, str(layer), of, width > 6)
    return figure


def _row(row: Sequence[Axes], table: pd.DataFrame, layer: str, of: str, wide: bool) -> None:
    """Both panels and the legend of a layer's discrepancy, or the output's."""
    own = table[(table["layer"] == layer) & (table["number"] < table["count"]) & (table[of] > FLOOR)]
    left, right, explained = row
    fitted = {law.way.label: law for law in laws(table, layer, of)}
    for name, way in WAYS.items():
        there = own[own["way"] == name]
        if there.empty:
            continue
        label = way.label + (f"\n{fitted[way.label].text}" if way.label in fitted else "")
        for axes in (left, right):
            _curve(axes, there, of, label.replace("-", "\u2212"), way.colour, way.marker)
        if way.label in fitted:
            law = table[(table["layer"] == layer) & (table.get("of") == of) & (table["way"] == name)]
            _law(left if fitted[way.label].exponential else right, law, there, fitted[way.label].exponential)
    for axes in (left, right):
        _logarithmic(axes, own.groupby(["way", "number"])[of].median())
    right.set_xscale("log")
    right.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
    right.xaxis.set_minor_locator(NullLocator())
    left.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    left.set_title(f"layer {layer}" if of == "local" else "the network's output")
    left.set_ylabel("discrepancy / mean square")
    left.set_xlabel("neurons n")
    right.set_xlabel("neurons n (logarithmic)")
    right.tick_params(labelleft=not wide)
    explained.set_axis_off()
    columns, size = (1, 9) if wide else (2, 8.5)
    explained.legend(
        *left.get_legend_handles_labels(), loc="center left", fontsize=size, borderaxespad=0, ncols=columns
    )


def _curve(axes: Axes, there: pd.DataFrame, of: str, label: str, colour: str, marker: str) -> None:
    """The geometric mean over seeds at each number, and its interval."""
    at = {number: mean_interval(np.log(values)) for number, values in there.groupby("number")[of]}
    numbers = np.array([*at], dtype=float)
    low, mean, high = (np.exp([getattr(each, end) for each in at.values()]) for end in ("low", "mean", "high"))
    axes.plot(numbers, mean, f"{marker}-", color=colour, label=label, markersize=4, markeredgewidth=0, linewidth=0.5)
    if max(each.n for each in at.values()) >= SEEDS:
        axes.fill_between(numbers, low, high, color=colour, alpha=0.13, linewidth=0)


def _law(axes: Axes, law: pd.DataFrame, there: pd.DataFrame, exponential: bool) -> None:
    """The fitted law in the mean over seeds, over the numbers that it was fitted to."""
    numbers = np.sort(there["number"].unique().astype(float))
    numbers = numbers[numbers <= law["up_to"].iloc[0] * law["count"].iloc[0]]
    name = "rate" if exponential else "power"
    logs = np.log(law[f"{name}_scale"]).mean() - law[name].mean() * (numbers if exponential else np.log(numbers))
    axes.plot(numbers, np.exp(logs), "--", color=WAYS[law["way"].iloc[0]].colour, linewidth=1.3)


def _logarithmic(axes: Axes, values: pd.Series) -> None:
    axes.set_yscale("log")
    axes.set_ylim(values.min() / 2, values.max() * 2)
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
