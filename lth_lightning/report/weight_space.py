"""The figure of `WeightSpace`: where networks start and end."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .arms import describe
from .drawing import beside_each_other, legend

MOST = 2  # pictures that can be read side by side


def weight_space_figure(table: pd.DataFrame, width: float) -> Figure:
    """Networks as points as far apart as their weights, a panel for each of the first seeds.

    Args:
        table: Rows of `WeightSpace`.
        width: Width of the figure in inches.

    Returns:
        Starts are hollow and ends full; a line joins those of one training. Of several rounds the sparsest is drawn.
    """
    table = table[(table["density"] == 1) | (table["density"] <= table["density"].min() * 1.01)]
    seeds = sorted({*table["seed"]})[:MOST]
    figure, panels, _ = beside_each_other(width, len(seeds))
    for axes, seed in zip(panels, seeds, strict=True):
        _places(axes, table[table["seed"] == seed])
        axes.set_title(f"seed {seed}")
    figure.supxlabel("Euclidean distance of weights", fontsize=10, color="#33373D")
    legend(figure, *panels)
    return figure


def _places(axes: Axes, own: pd.DataFrame) -> None:
    for name, arm in describe(own["arm"]).items():
        rows = own[own["arm"] == name]
        for _, training in rows.groupby("folder"):
            if len(training) > 1:
                axes.plot(training["x"], training["y"], color=arm.colour, alpha=0.35, linewidth=1.2, zorder=1)
        for at, face in (("start", "white"), ("end", arm.colour)):
            there = rows[rows["at"] == at]
            label = arm.label if at == "end" else "_"
            axes.plot(
                there["x"], there["y"], arm.marker, color=arm.colour, markerfacecolor=face, label=label, markersize=7
            )
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(visible=True, axis="both")
