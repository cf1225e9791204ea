"""Figure: how dense networks and tickets (or sparse networks) learn."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from .arms import SINGLE
from .drawing import apart
from .wording import share

PANELS = (("val_accuracy", "Validation accuracy (%)", 100.0), ("train_loss", "Training loss", 1.0))


def learning_figure(curves: pd.DataFrame, width: float) -> Figure:
    """Validation accuracy and training loss against epochs, tickets over dense networks.

    Args:
        curves: Training curves as `lth_lightning.report.curves` returns them.
        width: Width of the figure in inches.

    Returns:
        Means over seeds; dense networks dashed, tickets coloured by the share of weights kept.
    """
    chosen = curves[curves["arm"].isin(SINGLE) & (curves["density"] > 0)]
    tickets = chosen[chosen["arm"] != "dense"]
    densities = sorted(tickets.groupby("round")["density"].mean(), reverse=True)
    colours = ScalarMappable(LogNorm(min([*densities, 0.99]), 1), _colours())
    figure = Figure(figsize=(width, 3.7 if width > 6 else 6.4))
    panels = figure.subplots(*((1, 2) if width > 6 else (2, 1)), squeeze=False).ravel()
    for axes, (metric, title, unit) in zip(panels, PANELS, strict=True):
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        for _, own in sorted(tickets.groupby("round"), reverse=True):
            _line(axes, own, metric, unit, color=colours.to_rgba(np.array(own["density"].mean())), linewidth=1.5)
        dense = chosen[chosen["arm"] == "dense"]
        _line(axes, dense, metric, unit, color="#222222", linewidth=1.8, linestyle=(0, (4, 2)), label="dense")
        if dense[metric].notna().any():
            axes.legend(loc="lower right" if unit > 1 else "upper right")
    panels[1].set_yscale("log")
    panels[1].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    panels[1].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels[1].yaxis.set_minor_locator(NullLocator())
    if densities:
        bar = figure.colorbar(colours, ax=list(panels), aspect=30, pad=0.02, label="weights kept (%)")
        bar.ax.yaxis.set_major_locator(FixedLocator(apart(densities, -np.log(densities[-1]) / 9)))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda density, _: share(density).removesuffix(" %")))
        bar.ax.yaxis.set_minor_locator(NullLocator())
    return figure


def _line(axes: Axes, trainings: pd.DataFrame, metric: str, unit: float, **style: Any) -> None:
    mean = trainings.groupby("epoch")[metric].mean().dropna()
    if len(mean):
        axes.plot(mean.index.to_numpy(), unit * mean.to_numpy(), marker="." if len(mean) == 1 else None, **style)


def _colours() -> LinearSegmentedColormap:
    """Viridis without its palest end, which cannot be seen on white."""
    return LinearSegmentedColormap.from_list("kept", matplotlib.colormaps["viridis"](np.linspace(0.86, 0, 64))[::-1])
