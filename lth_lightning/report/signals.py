"""The figure of `SignalPropagation`: how much of a signal comes through, against density."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .arms import describe
from .drawing import beside, density_axis, legend, panel
from .intervals import mean_interval

MARKERS = "^osvD"  # those of the arms of these colours are too thin for a filled one to differ from a hollow one


def signals_figure(table: pd.DataFrame, width: float) -> Figure:
    """Standard deviation of the logits for noise against the share of weights kept, a line for each initialisation.

    Args:
        table: Rows of `SignalPropagation`.
        width: Width of the figure in inches.

    Returns:
        Geometric means over repeats and seeds with t intervals of the logarithms, both axes logarithmic. Networks that
        let nothing through are left out; the mark of a mean without them is hollow.
    """
    figure, axes = panel(width)
    names, densities = list(dict.fromkeys(table["initialisation"])), sorted(set(table["density"]))
    for index, name in enumerate(names):
        (arm,) = describe(["reinitialised" if name == "own" else f"reinitialised_{name}"]).values()
        own = table[table["initialisation"] == name]
        through = own[own["deviation"] > 0]
        at = through.groupby("density")["deviation"]
        means = pd.DataFrame([{"density": d, **vars(mean_interval(np.log(values)))} for d, values in at])
        if not len(means):
            continue
        place = beside(means["density"], index, len(names), densities)
        low, mean, high = (np.exp(means[end].to_numpy()) for end in ("low", "mean", "high"))
        label = "the network's own" if name == "own" else name.replace("_", " ")
        looks: dict[str, Any] = {"color": arm.colour, "linewidth": 1.6, "elinewidth": 1.2, "capsize": 2.5}
        axes.errorbar(place, mean, yerr=np.nan_to_num([mean - low, high - mean]), label=label, **looks)
        dead = own.groupby("density")["deviation"].min().loc[means["density"]].to_numpy() == 0
        for shown, fill in ((~dead, arm.colour), (dead, "white")):
            axes.plot(
                place[shown],
                mean[shown],
                MARKERS[index % len(MARKERS)],
                color=arm.colour,
                markerfacecolor=fill,
                markersize=5,
            )
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 100 * low else (1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    density_axis(axes, densities, width)
    axes.set_ylabel("standard deviation of logits\n(logarithmic)")
    legend(figure, axes)
    return figure
