"""The figure of `ToSolution`: the loss on the way to the network that was pruned in training."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .arms import describe
from .drawing import beside_each_other, legend
from .intervals import mean_interval
from .wording import share

SIDES = {"start": "from where training starts", "end": "from where it ends"}


def solution_figure(table: pd.DataFrame, width: float) -> Figure:
    """The loss from the start and from the end of every arm's training to the pruning solution.

    Args:
        table: Rows of `ToSolution`.
        width: Width of the figure in inches.

    Returns:
        Means over seeds with t intervals as bands, of the sparsest networks, by the first way to evaluate; a panel for
        starts, if they are there, and one for ends. The solution is at 1.
    """
    first = table.iloc[0]
    own = table[(table["images"] == first["images"]) & (table["statistics"] == first["statistics"])]
    own = own[own["density"] <= own["density"].min() * 1.01]
    sides = [at for at in SIDES if (own["at"] == at).any()]
    figure, panels, _ = beside_each_other(width, len(sides))
    for axes, at in zip(panels, sides, strict=True):
        _lines(axes, own[own["at"] == at])
        axes.set_title(SIDES[at])
        axes.set_xlabel("share of the way to the pruning solution")
    panels[0].set_ylabel(f"loss on {first['images']} images, {share(own['density'].min())} kept")
    legend(figure, *panels)
    return figure


def _lines(axes: Axes, table: pd.DataFrame) -> None:
    for name, arm in describe(table["arm"]).items():
        rows = table[table["arm"] == name]
        places = rows["alphas"].iloc[0]
        losses = np.array(rows["loss"].tolist(), dtype=float)
        axes.plot(places, losses.mean(axis=0), color=arm.colour, label=arm.label, linewidth=1.8)
        if len(losses) > 1:
            found = [mean_interval(pd.Series(column)) for column in losses.T]
            low, high = ([getattr(each, side) for each in found] for side in ("low", "high"))
            axes.fill_between(places, low, high, color=arm.colour, alpha=0.15, linewidth=0)
    for place in (0, 1):
        axes.axvline(place, color="#555555", linewidth=1, linestyle=":")
    axes.set_ylim(bottom=0)
