"""Figures of a study: small panels of the same scale, side by side."""

import textwrap
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .accuracy import dense_band, drawable, series
from .arms import describe
from .drawing import accuracy_limits, beside, density_axis, legend
from .intervals import levels
from .sentences import WORDS
from .setting import Setting


def accuracy_panels(found: Mapping[Setting, pd.DataFrame], metric: str, width: float) -> Figure:
    """Accuracy of every arm of a method against the share of weights kept, a panel per point of the grid.

    Args:
        found: The settings of one method.
        metric: Column to draw.
        width: Width of the figure in inches.

    Returns:
        Means over seeds with t intervals, dense networks as a horizontal band; all panels have the same scale.
    """
    means = {setting: levels(drawable(own, metric), metric) for setting, own in found.items()}
    every = pd.concat(means.values())
    arms = describe(every["arm"])
    others = [arm for name, arm in arms.items() if name != "dense"]
    figure, panels, each = grid([setting.place for setting in found], width)
    for axes, own in zip(panels, means.values(), strict=True):
        sparse = own.loc[own["arm"] != "dense", "density"]
        shown = sparse if len(sparse) else own["density"]
        for index, arm in enumerate(others):
            here = own[own["arm"] == arm.name]
            if len(here):
                series(axes, here, arm, beside(here["density"], index, len(others), shown))
        dense = own[own["arm"] == "dense"]
        if len(dense):
            dense_band(axes, dense.iloc[0], arms["dense"])
        tickets = own.loc[own["arm"] == "ticket", "density"]  # small dense networks keep about as many
        density_axis(axes, shown.tolist(), each, tickets.tolist())
        axes.set_ylim(*accuracy_limits(every, every["mean"].to_numpy()))
    label(figure, panels, f"{WORDS[metric]} (%)")
    return figure


def grid(titles: list[str], width: float) -> tuple[Figure, list[Axes], float]:
    """A figure with a panel for each title, all of the same scale, and their width in inches."""
    few = len(titles) <= 3
    columns = min(len(titles), (2 if len(titles) in (2, 4) else 3) if width > 6 else 1 if few else 2)
    rows = -(-len(titles) // columns)
    each = width / columns
    height = 0.5 * width + 0.4 if columns == 1 and width > 6 else 2.5 if columns > 1 else 2.9
    figure = Figure(figsize=(width, 0.6 + rows * (height if columns == 1 or width > 6 else 2.1)))
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes in panels[len(titles) :]:
        axes.set_visible(False)
    for axes, title in zip(panels, titles, strict=False):
        axes.set_title("\n".join(textwrap.wrap(title, int(9.5 * each))), fontsize=9.5)
    return figure, list(panels[: len(titles)]), each


def label(figure: Figure, panels: list[Axes], vertical: str, explained: bool = True) -> None:
    """One label for all axes of a kind, and one legend."""
    for axes in panels:
        axes.set_xlabel("")
    figure.supxlabel("weights kept (%, logarithmic)", fontsize=10, color="#33373D")
    figure.supylabel(vertical, fontsize=10, color="#33373D")
    if explained:
        legend(figure, *panels)
