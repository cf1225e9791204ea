"""Figures: accuracy against density, and differences between arms against density."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .arms import PREPARING, Arm, copied, describe
from .drawing import BAND, accuracy_limits, beside, density_axis, legend, limits, panel
from .intervals import levels
from .sentences import WORDS

FAR = 0.4  # where all tickets keep less, half of the axis would be the way to the dense network: its band is enough


def accuracy_figure(table: pd.DataFrame, metric: str, width: float) -> Figure:
    """Accuracy of every arm against the share of weights kept.

    Args:
        table: Trainings as `read` returns them.
        metric: Column to draw.
        width: Width of the figure in inches.

    Returns:
        Means over seeds with t intervals, single seeds as faint dots, dense networks as a horizontal band.
    """
    table = drawable(table, metric)
    means, arms = levels(table, metric), describe(table["arm"])
    figure = Figure(figsize=(width, 0.5 * width + 0.4 if width > 6 else 4.0))
    axes = figure.subplots()
    others = [arm for name, arm in arms.items() if name != "dense"]
    sparse = means.loc[means["arm"] != "dense", "density"]
    shown = sparse if len(sparse) and sparse.max() < FAR else means["density"]
    for index, arm in enumerate(others):
        own, seeds = means[means["arm"] == arm.name], table[table["arm"] == arm.name]
        place = beside(seeds["density"], index + 0.4, len(others), shown)
        axes.plot(place, 100 * seeds[metric], ".", color=arm.colour, alpha=0.45, markersize=6, markeredgewidth=0)
        series(axes, own, arm, beside(own["density"], index, len(others), shown))
    if "dense" in arms:
        dense_band(axes, means[means["arm"] == "dense"].iloc[0], arms["dense"])
    density_axis(axes, shown.tolist(), width)
    axes.set_ylim(*accuracy_limits(means, table[metric].to_numpy()))
    axes.set_ylabel(f"{WORDS[metric]} (%)")
    legend(figure, axes)
    return figure


def difference_figure(differences: pd.DataFrame, width: float, tolerance: float = 0.0) -> Figure:
    """Tickets minus other arms, paired over seeds, against the share of weights kept.

    Args:
        differences: As `paired_levels` or `verdicts` returns them.
        width: Width of the figure in inches.
        tolerance: Half the height of a shaded band about zero.

    Returns:
        Mean differences in percentage points with t intervals, and the line at zero: no difference. Hollow where
        the verdict is that nothing can be told.
    """
    others = list(describe(differences["arm"]).values())
    figure, axes = panel(width)
    axes.axhline(0, color="#333333", linewidth=1.2)
    axes.axhspan(-100 * tolerance, 100 * tolerance, color=BAND, linewidth=0)
    for index, arm in enumerate(others):
        own = differences[differences["arm"] == arm.name]
        place = beside(own["density"], index, len(others), differences["density"])
        series(axes, own, arm, place, f"ticket \u2212 {arm.label}")
        if "verdict" in own:
            unclear = (own["verdict"] == "cannot tell").to_numpy()
            points = 100 * own["mean"].to_numpy()[unclear]
            axes.plot(place[unclear], points, arm.marker, color=arm.colour, markerfacecolor="white", zorder=3)
    density_axis(axes, differences["density"].tolist(), width)
    axes.set_ylim(*limits(differences, np.append(differences["mean"], 0)))
    if len(others) == 1:
        axes.set_ylabel(f"ticket \u2212 {others[0].label} (percentage points)")
    else:
        axes.set_ylabel("difference (percentage points)")
        legend(figure, axes)
    return figure


def drawable(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The trainings that have a place in a figure: not copies under other SGD noise, which are what was copied."""
    others = table["arm"].isin(PREPARING) | table["arm"].map(copied).astype(bool)
    return table[(table["density"] > 0) & table[metric].notna() & ~others]


def series(axes: Axes, own: pd.DataFrame, arm: Arm, place: np.ndarray, label: str | None = None) -> None:
    """Means with their intervals, joined by a line.

    Args:
        axes: Where to draw.
        own: Columns `mean` and `high`.
        arm: Whose looks they have.
        place: Where along the axis of densities.
        label: In the legend; the arm's by default.
    """
    order = np.argsort(-place)
    mean = 100 * own["mean"].to_numpy()[order]
    bars = 100 * (own["high"] - own["mean"]).to_numpy()[order]
    axes.errorbar(
        place[order],
        mean,
        yerr=bars,
        color=arm.colour,
        marker=arm.marker,
        label=label or arm.label,
        markersize=5,
        linewidth=1.6,
        elinewidth=1.2,
        capsize=2.5,
    )


def dense_band(axes: Axes, dense: pd.Series, arm: Arm) -> None:
    """Dense networks as a horizontal line with a band."""
    axes.axhline(100 * dense["mean"], color=arm.colour, linewidth=1.2, linestyle=(0, (5, 3)), label=arm.label)
    axes.plot(dense["density"], 100 * dense["mean"], arm.marker, color=arm.colour, markersize=5)
    if dense["n"] > 1:
        axes.axhspan(100 * dense["low"], 100 * dense["high"], color=arm.colour, alpha=0.12, linewidth=0)
