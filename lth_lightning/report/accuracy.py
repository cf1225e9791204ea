"""Figures: accuracy against density, and differences between arms against density."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .arms import Arm, describe
from .drawing import beside, density_axis, legend
from .intervals import levels, paired_difference
from .sentences import WORDS


def accuracy_figure(table: pd.DataFrame, metric: str, width: float) -> Figure:
    """Accuracy of every arm against the share of weights kept.

    Args:
        table: Trainings as `read` returns them.
        metric: Column to draw.
        width: Width of the figure in inches.

    Returns:
        Means over seeds with t intervals, single seeds as faint dots, dense networks as a horizontal band.
    """
    table = table[(table["density"] > 0) & table[metric].notna()]
    means, arms = levels(table, metric), describe(table["arm"])
    figure = Figure(figsize=(width, 0.5 * width + 0.4 if width > 6 else 4.0))
    axes = figure.subplots()
    others = [arm for name, arm in arms.items() if name != "dense"]
    for index, arm in enumerate(others):
        own, seeds = means[means["arm"] == arm.name], table[table["arm"] == arm.name]
        place = beside(seeds["density"], index + 0.4, len(others), means["density"])
        axes.plot(place, 100 * seeds[metric], ".", color=arm.colour, alpha=0.45, markersize=6, markeredgewidth=0)
        _series(axes, own, arm, beside(own["density"], index, len(others), means["density"]))
    if "dense" in arms:
        _dense_band(axes, means[means["arm"] == "dense"].iloc[0], arms["dense"])
    density_axis(axes, means["density"].tolist(), width)
    axes.set_ylim(*_limits(means, table[metric].to_numpy()))
    axes.set_ylabel(f"{WORDS[metric]} (%)")
    legend(figure, axes)
    return figure


def difference_figure(differences: pd.DataFrame, width: float) -> Figure:
    """Tickets minus every other arm, paired over seeds, against the share of weights kept.

    Args:
        differences: As `paired_levels` returns them.
        width: Width of the figure in inches.

    Returns:
        Mean differences in percentage points with t intervals, and the line at zero: no difference.
    """
    others = list(describe(differences["arm"]).values())
    figure = Figure(figsize=(width, 0.42 * width + 0.4 if width > 6 else 3.7))
    axes = figure.subplots()
    axes.axhline(0, color="#333333", linewidth=1.2)
    for index, arm in enumerate(others):
        own = differences[differences["arm"] == arm.name]
        _series(
            axes,
            own,
            arm,
            beside(own["density"], index, len(others), differences["density"]),
            f"ticket \u2212 {arm.label}",
        )
    density_axis(axes, differences["density"].tolist(), width)
    axes.set_ylim(*_limits(differences, np.append(differences["mean"], 0)))
    axes.set_ylabel("difference (percentage points)")
    legend(figure, axes)
    return figure


def paired_levels(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Tickets minus every other arm at every round: columns as of `levels`, `arm` being the other one."""
    tickets = table[(table["arm"] == "ticket") & (table["density"] > 0)].groupby("round")["density"].mean().to_dict()
    rows = []
    for arm in describe(table["arm"]):
        for r, density in tickets.items() if arm != "ticket" else ():
            difference = paired_difference(table, "ticket", arm, round=int(str(r)), metric=metric)
            rows.append({"arm": arm, "round": r, "density": density} | vars(difference))
    found = pd.DataFrame(rows, columns=["arm", "round", "density", "mean", "low", "high", "n"])
    return found[found["n"] > 0]


def _series(axes: Axes, own: pd.DataFrame, arm: Arm, place: np.ndarray, label: str | None = None) -> None:
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


def _dense_band(axes: Axes, dense: pd.Series, arm: Arm) -> None:
    axes.axhline(100 * dense["mean"], color=arm.colour, linewidth=1.2, linestyle=(0, (5, 3)), label=arm.label)
    axes.plot(dense["density"], 100 * dense["mean"], arm.marker, color=arm.colour, markersize=5)
    if dense["n"] > 1:
        axes.axhspan(100 * dense["low"], 100 * dense["high"], color=arm.colour, alpha=0.12, linewidth=0)


def _limits(means: pd.DataFrame, seen: np.ndarray) -> tuple[float, float]:
    """Room for all that was seen and most intervals: that of two seeds may be wide enough to flatten all else."""
    room = max(seen.max() - seen.min(), 0.005)
    low = max(np.fmin(means["low"].min(), seen.min()), seen.min() - 0.5 * room)
    high = min(np.fmax(means["high"].max(), seen.max()), seen.max() + 0.5 * room)
    room = max(0.06 * room, (0.01 - (high - low)) / 2)  # no less than one percentage point: hundredths are noise
    return 100 * (low - room), 100 * (high + room)
