"""The figure of `Planes`: what lies around the networks of three rounds."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .drawing import beside_each_other, halo

FEWEST = 4  # steps that make a picture
TICKS = 12  # numbers at the colours that have room
MOST = 3  # planes that can be read side by side
LADDER = np.array([0, 0.2, 0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 60, 80, 100])  # percent


def planes_figure(table: pd.DataFrame, width: float) -> Figure:
    """Error on the plane through the networks of three rounds, a panel for each of the first seeds.

    Args:
        table: Rows of `Planes`.
        width: Width of the figure in inches.

    Returns:
        Filled contours of the error in percent, the same colours for all; the three networks are marked. White is what
        has no error, where a variance of batch norm would be below zero.
    """
    rows = table.sort_values("seed").head(MOST).to_dict("records")
    figure, panels, _ = beside_each_other(width, len(rows))
    figure.set_layout_engine("compressed")  # square panels close to each other and to the colours
    fields = [100 * np.array(row["error"], dtype=float) for row in rows]
    levels = _levels(fields)
    norm = BoundaryNorm(levels, 256)
    for axes, row, field in zip(panels, rows, fields, strict=True):
        axes.contourf(row["x"], row["y"], field, levels=levels, norm=norm, cmap="viridis")
        _marked(axes, row["at"], row["through"])
        axes.set_title(f"seed {row['seed']}")
        axes.set_aspect("equal")
        axes.grid(visible=False)
        axes.set_xlabel("Euclidean distance")
    shown = levels[:: -(-len(levels) // TICKS)]
    bar = figure.colorbar(ScalarMappable(norm, "viridis"), ax=panels, ticks=shown, spacing="uniform", pad=0.02)
    bar.set_label(f"error (%)\nbatch norm: {rows[0]['statistics']}")
    bar.ax.set_yticklabels([f"{level:g}" for level in shown])
    bar.minorticks_off()
    return figure


def _levels(fields: list[np.ndarray]) -> np.ndarray:
    """Steps around what there is: finer where the error is low, as it is around trained networks."""
    low, high = np.nanmin(np.stack(fields)), np.nanmax(np.stack(fields))
    first, last = np.searchsorted(LADDER, low, "right") - 1, np.searchsorted(LADDER, high, "left")
    if last - first >= FEWEST:
        return LADDER[first : last + 1]
    even = np.array(MaxNLocator(2 * FEWEST).tick_values(low, high))
    return even[even >= 0]


def _marked(axes: Axes, places: list[list[float]], rounds: list[int]) -> None:
    """The three networks with their names."""
    for (x, y), number in zip(places, rounds, strict=True):
        axes.plot(x, y, "s" if number == 0 else "o", color="white", markeredgecolor="black", markersize=7)
        name = "dense" if number == 0 else f"round {number}"
        axes.annotate(
            name, (x, y), (0, 8), textcoords="offset points", ha="center", fontsize=9.5, path_effects=halo(), zorder=5
        )
