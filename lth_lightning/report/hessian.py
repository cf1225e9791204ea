"""The figure of `Hessian`: eigenvalues of the loss, and how many are negative."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .drawing import beside_each_other, legend
from .over_steps import lines_of, norms_axis, over_steps, plain_decades, step_axis

BINS = 60
LINEAR = 1e-3  # share of the largest eigenvalue, up to which the axis is linear


def hessian_figure(table: pd.DataFrame, width: float) -> Figure:
    """Histogram of the eigenvalues at the last look, and the share of negative ones against steps.

    Args:
        table: Rows of `Hessian`, of one setting.
        width: Width of the figure in inches.

    Returns:
        Means over seeds of every arm where it keeps the fewest weights. The axis of eigenvalues is linear about zero
        and logarithmic beyond. Where masks moved, shares before (dotted) and after (dashed) each move are on the right.
    """
    when = table["when"] if "when" in table else pd.Series(np.nan, index=table.index)
    at = table[when.isna()] if when.isna().any() else table[when == "after"]
    figure, (left, right), _ = beside_each_other(width)
    _histograms(left, table, at[at["step"] == at.groupby(["arm", "round", "seed"])["step"].transform("max")])
    shares = table.assign(share=100 * table["negative"] / table["size"])
    for side, style in (
        ("at", {}),
        ("before", {"linestyle": ":", "marker": "v"}),
        ("after", {"linestyle": "--", "marker": "^"}),
    ):
        own = shares[when.isna() if side == "at" else when == side]
        for arm, label, rows in lines_of(own, table):
            over_steps(right, rows, "share", arm.colour, label if side == "at" else f"{label}, {side} a move", **style)
    norms_axis(right)
    step_axis(right)
    right.set_title("negative eigenvalues")
    right.set_ylabel("share of all (%)")
    legend(figure, right)
    return figure


def _histograms(axes: Axes, table: pd.DataFrame, looks: pd.DataFrame) -> None:
    """Mean number of eigenvalues in bins that are even on the axis; of a quadrature, how many it stands for."""
    every = np.concatenate([np.asarray(values) for values in looks["values"]])
    threshold = LINEAR * max(np.abs(every).max(), 1e-12)
    low, high = np.arcsinh(every.min() / threshold), np.arcsinh(every.max() / threshold)
    bin = max(high - low, 1) / BINS
    edges = bin * (np.arange(np.floor(low / bin - 0.5), np.ceil(high / bin + 0.5) + 1) + 0.5)  # zero is amid its own
    lowest = np.inf
    for arm, label, own in lines_of(looks, table):
        counts = np.mean(
            [
                np.histogram(np.arcsinh(np.asarray(v) / threshold), edges, weights=np.asarray(w) * size)[0]
                for v, w, size in zip(own["values"], own["weights"], own["size"], strict=True)
            ],
            axis=0,
        )
        axes.stairs(counts, threshold * np.sinh(edges), color=arm.colour, label=label, linewidth=1.5)
        lowest = min(lowest, counts[counts > 0].min())
    axes.axvline(0, color="#B8BDC6", linewidth=1, zorder=0)
    axes.set_xscale("symlog", linthresh=threshold)
    axes.xaxis.set_major_locator(FixedLocator(_ticks(threshold, every)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_yscale("log")
    plain_decades(axes)
    axes.set_ylim(bottom=min(lowest, 1) / 2)
    axes.set_title("eigenvalues at the last look")
    axes.set_xlabel("eigenvalue")
    axes.set_ylabel("number")


def _ticks(threshold: float, values: np.ndarray) -> list[float]:
    """Zero, and powers of ten beyond the linear part on the sides that have such values."""
    first = math.ceil(math.log10(threshold)) + 1
    decades = [10.0**power for power in range(first, first + 4)]
    sides = [-each for each in decades if -each >= values.min()], [each for each in decades if each <= values.max()]
    return sorted([*sides[0], 0.0, *sides[1]])
