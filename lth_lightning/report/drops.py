"""Figure: how far accuracy drops under every sanity check."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from .accuracy import difference_figure
from .arms import Arm, describe
from .checks import TOLERANCE
from .drawing import BAND, limits
from .wording import share

MOST_PANELS = 6


def drops_figure(verdicts: pd.DataFrame, width: float, tolerance: float = TOLERANCE) -> Figure:
    """Drops in accuracy under the checks, a panel per density; at many densities, lines against the density.

    Args:
        verdicts: As `verdicts` returns them, with at least one drop.
        width: Width of the figure in inches.
        tolerance: Half the width of the shaded band about zero.

    Returns:
        Mean drops in percentage points with t intervals; hollow where the verdict is that nothing can be told.
    """
    drops = verdicts[verdicts["n"] > 0]
    rounds = sorted(drops.groupby("round"), key=lambda group: -group[1]["density"].iloc[0])
    if len(rounds) > MOST_PANELS:
        return difference_figure(drops, width, tolerance)
    arms = list(describe(drops["arm"]).values())
    columns = 1 if width <= 6 else 2 if len(rounds) == 4 else min(3, len(rounds))
    rows = -(-len(rounds) // columns)
    size = (width, 0.3 + rows * (0.75 + 0.27 * len(arms)))
    figure = Figure(size, layout=ConstrainedLayoutEngine(h_pad=0.12))
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes, (_, own) in zip(panels, rounds, strict=False):
        _panel(axes, own, arms, tolerance)
        axes.set_title(f"{share(own['density'].iloc[0])} of the weights")
    for axes in panels[len(rounds) :]:
        axes.set_visible(False)
    figure.supxlabel("ticket \u2212 check (percentage points)", fontsize=10, color="#33373D")
    return figure


def _panel(axes: Axes, drops: pd.DataFrame, arms: list[Arm], tolerance: float) -> None:
    axes.axvspan(-100 * tolerance, 100 * tolerance, color=BAND, linewidth=0)
    axes.axvline(0, color="#333333", linewidth=1.2)
    for place, arm in enumerate(arms):
        for drop in drops[drops["arm"] == arm.name].to_dict("records"):
            axes.errorbar(
                100 * drop["mean"],
                place,
                xerr=100 * (drop["high"] - drop["mean"]),
                color=arm.colour,
                marker=arm.marker,
                markerfacecolor="white" if drop["verdict"] == "cannot tell" else arm.colour,
                markersize=6.5,
                linewidth=1.6,
                capsize=2.5,
            )
    axes.set_xlim(*limits(drops, np.append(drops["mean"], [0, -tolerance, tolerance])))
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.set_yticks(range(len(arms)), [arm.label for arm in arms])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(5))
