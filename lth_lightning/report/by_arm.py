"""The figure of accuracies where there is one density: a row for each arm."""

from textwrap import wrap

import pandas as pd
from matplotlib.figure import Figure

from .accuracy import drawable
from .arms import describe
from .drawing import accuracy_limits
from .intervals import levels
from .sentences import WORDS
from .wording import share

FEWEST = 4  # arms that are easier to tell apart in rows of their own


def is_by_arm(table: pd.DataFrame) -> bool:
    """Whether several arms share a single density, so that there is nothing to draw accuracy against.

    Args:
        table: Trainings as `read` returns them, those that can be drawn.
    """
    sparse = table[table["arm"] != "dense"]
    return bool(sparse["round"].nunique() == 1 and sparse["arm"].nunique() >= FEWEST)


def by_arm_figure(table: pd.DataFrame, metric: str, width: float) -> Figure:
    """Accuracy of every arm.

    Args:
        table: Trainings as `read` returns them.
        metric: Column to draw.
        width: Width of the figure in inches.

    Returns:
        Means over seeds with t intervals, single seeds as faint dots; small dense networks have a density of their own.
    """
    table = drawable(table, metric)
    means = levels(table, metric).set_index("arm")
    arms = list(describe(table["arm"]).values())
    figure = Figure(figsize=(width, 0.3 * len(arms) + 0.9))
    axes = figure.subplots()
    for place, arm in enumerate(arms):
        own, seeds = means.loc[arm.name], 100 * table.loc[table["arm"] == arm.name, metric]
        axes.plot(seeds, [place + 0.18] * len(seeds), ".", color=arm.colour, alpha=0.45, markersize=6)
        bar = 100 * (own["high"] - own["mean"])
        axes.errorbar(
            100 * own["mean"], place, xerr=bar, color=arm.colour, marker=arm.marker, markersize=6, capsize=2.5
        )
    axes.set_yticks(range(len(arms)), [arm.label if width > 6 else "\n".join(wrap(arm.label, 20)) for arm in arms])
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.set_xlim(*accuracy_limits(means, table[metric].to_numpy()))
    axes.grid(visible=True, axis="both")
    kept = table.loc[~table["arm"].isin(["dense", "small_dense"]), "density"].median()
    axes.set_xlabel(f"{WORDS[metric]} (%), {share(kept)} kept")
    return figure
