"""Figure: where in the network the weights were kept."""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .arms import PRUNED
from .wording import share


def layer_densities(table: pd.DataFrame) -> pd.DataFrame:
    """Weights that tickets (or sparse networks, where there are no tickets) keep in every layer at every round.

    Args:
        table: Trainings as `read` returns them.

    Returns:
        Columns `layer` (name of the weight), `round`, `density` (mean over seeds), `collapsed` (in some seed the layer
        kept nothing), in the order of the network.
    """
    tickets = table[table["arm"].isin(PRUNED) & table["layers"].map(lambda value: isinstance(value, dict))]
    rows = [
        {"layer": layer, "round": ticket["round"], "density": kept / size, "collapsed": kept == 0}
        for ticket in tickets.to_dict("records")
        for layer, (kept, size) in ticket["layers"].items()
        if size
    ]
    found = pd.DataFrame(rows, columns=["layer", "round", "density", "collapsed"])
    return found.groupby(["layer", "round"], sort=False, as_index=False).agg({"density": "mean", "collapsed": "any"})


def layers_figure(table: pd.DataFrame, width: float) -> Figure:
    """A map of layers and rounds, coloured by the share of the layer's weights that tickets keep.

    Args:
        table: Trainings as `read` returns them, with at least one ticket that has layers.
        width: Width of the figure in inches.

    Returns:
        The map, the first layer on top; a cross marks a layer that kept nothing in some seed.
    """
    found = layer_densities(table)
    kept = found.pivot(index="layer", columns="round", values="density").reindex(found["layer"].unique())
    gone = (
        found.pivot(index="layer", columns="round", values="collapsed").reindex(kept.index).fillna(False).to_numpy(bool)
    )
    asked = [table.loc[table["arm"].isin(PRUNED) & (table["round"] == r), "density"].mean() for r in kept.columns]
    rows = len(kept)
    figure = Figure(figsize=(width, 1.3 + rows * (0.34 if rows <= 12 else 0.19)))
    axes = figure.subplots()
    values = kept.to_numpy()
    lowest = values[values > 0].min(initial=0.5)
    image = axes.pcolormesh(
        np.ma.masked_invalid(values.clip(lowest)),
        norm=LogNorm(lowest, 1),
        cmap="viridis",
        edgecolors="white",
        linewidth=0.6,
    )
    if width > 6 and values.size <= 120:
        _write_numbers(axes, np.where(gone, np.nan, values), lowest)
    places = np.argwhere(gone) + 0.5
    axes.scatter(places[:, 1], places[:, 0], marker="x", s=26, color="white", linewidths=3.2)
    axes.scatter(places[:, 1], places[:, 0], marker="x", s=22, color="#C62828", linewidths=1.6)
    _name_axes(axes, short_names(list(kept.index), 30 if width > 6 else 20), asked, 12 if width > 6 else 4)
    _explain_colours(figure, axes, image, lowest)
    return figure


def _explain_colours(figure: Figure, axes: Axes, image: QuadMesh, lowest: float) -> None:
    shrink = min(1.0, 3.2 / figure.get_figheight())
    bar = figure.colorbar(image, ax=axes, pad=0.02, anchor=(0, 1), shrink=shrink, label="kept in the layer (%)")
    bar.ax.yaxis.set_major_locator(FixedLocator([t for t in (1, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4) if t >= lowest]))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda density, _: share(density).removesuffix(" %")))


def _write_numbers(axes: Axes, values: np.ndarray, lowest: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value < lowest**0.35 else "black"
            text = share(value).removesuffix(" %")
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8.5, color=colour)


def _name_axes(axes: Axes, layers: list[str], densities: list[float], room: int) -> None:
    """Name every layer, and as many rounds as there is room for, the last always among them."""
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks(np.arange(len(layers)) + 0.5, layers, fontsize=8.5)
    every = -(-len(densities) // room)
    ticks = range((len(densities) - 1) % every, len(densities), every)
    axes.set_xticks([c + 0.5 for c in ticks], [share(densities[c]).removesuffix(" %") for c in ticks])
    axes.set_xlabel("weights kept in the whole network (%)")


def short_names(names: list[str], length: int) -> list[str]:
    """Names of weights without what all share; where that is too long, words before the last keep three letters.

    Example:
        >>> short_names(["net.stem.weight", "net.blocks.0.residual.conv1.weight"], 18)
        ['stem', 'blo.0.res.conv1']
    """
    names = [name.removesuffix(".weight") for name in names]
    while len({name.partition(".")[0] for name in names}) == 1 and all("." in name for name in names):
        names = [name.partition(".")[2] for name in names]
    return [name if len(name) <= length else _abbreviated(name)[-length:] for name in names]


def _abbreviated(name: str) -> str:
    path, dot, last = name.rpartition(".")
    return re.sub(r"[^\W\d]{4,}", lambda word: word[0][:3], path) + dot + last
