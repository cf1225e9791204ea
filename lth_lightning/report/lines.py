"""Figures of lines between networks: the error along them, in every way that it was evaluated."""

from collections.abc import Iterator

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .drawing import legend
from .panels import grid
from .wording import share

MOST = 7  # lines that a legend explains


def lines_figure(table: pd.DataFrame, width: float) -> Figure:
    """The error along lines, from one network to the other.

    Args:
        table: Rows of `BetweenRounds` or `Instability`, of one experiment.
        width: Width of the figure in inches.

    Returns:
        Means over seeds and pairs in percent, a panel for each kind of images and batch norm's statistics; dark lines
        are those of early rounds or moments.
    """
    ways = list(dict.fromkeys(zip(table["images"], table["statistics"], strict=True)))
    figure, panels, _ = grid([f"{images} images, batch norm: {statistics}" for images, statistics in ways], width)
    named = list(dict.fromkeys(_names(table)))
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(named)))
    shown = {named[round(place)] for place in np.linspace(0, len(named) - 1, min(MOST, len(named)))}
    for axes, (images, statistics) in zip(panels, ways, strict=True):
        own = table[(table["images"] == images) & (table["statistics"] == statistics)]
        names = np.array(list(_names(own)))
        for name, shade in zip(named, shades, strict=True):
            rows = own[names == name]
            if len(rows):
                pairs = [np.atleast_2d(np.array(error, dtype=float)) for error in rows["error"]]
                errors = np.mean([error.mean(axis=0) for error in pairs], axis=0)
                label = name if name in shown else "_"
                axes.plot(rows["alphas"].iloc[0], 100 * errors, color=shade, label=label, linewidth=1.8)
        axes.set_xticks([0, 0.5, 1], ["one", "half way", "other"])
        axes.set_ylim(bottom=0)
    figure.supylabel("error (%)", fontsize=10, color="#33373D")
    legend(figure, *panels)
    return figure


def _names(table: pd.DataFrame) -> Iterator[str]:
    """What the lines of a row are between."""
    for row in table.to_dict("records"):
        if "from" in row:
            ends = ["dense" if number == 0 else f"round {number}" for number in (row["from"], row["to"])]
            yield " to ".join(ends)
        else:
            arm = str(row["arm"]).replace("_", " ")
            yield arm if row["density"] == 1 else f"{arm}, {share(row['density'])}"
