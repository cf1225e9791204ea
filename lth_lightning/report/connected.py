"""The figure of `Curves`: barriers on the line and on a trained curve between successive rounds."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .arms import Arm, describe
from .drawing import beside_each_other, legend, limits
from .over_rounds import means

LINE = Arm("line", "straight line", "", "", "#D55E00", "^")


def connected_figure(table: pd.DataFrame, width: float) -> Figure:
    """Error barriers against the density of the later round, and the error along one way of either kind.

    Args:
        table: Rows of `Curves`.
        width: Width of the figure in inches.

    Returns:
        On the left means over seeds in percentage points with t intervals; on the right the error in percent between
        those two rounds between which the line has its highest barrier.
    """
    figure, (left, right), each = beside_each_other(width)
    curve = Arm("curve", "trained curve", "", "", describe(["ticket"])["ticket"].colour, "o")
    columns = ["line_error_barrier", "error_barrier"]
    shown = [
        means(left, table, "to", column, each, arm, None, i, 2)
        for i, (arm, column) in enumerate(zip((LINE, curve), columns, strict=True))
    ]
    left.set_ylim(*limits(pd.concat(shown), np.append(table[columns], 0)))
    left.set_title("all rounds and seeds")
    left.set_ylabel(f"error barrier (points)\nbatch norm: {', '.join(sorted({*table['statistics']}))}")
    row = table.iloc[int(table["line_error_barrier"].to_numpy().argmax())]
    for arm, column in ((LINE, "line_error"), (curve, "error")):
        right.plot(row["alphas"], 100 * np.array(row[column]), arm.marker + "-", color=arm.colour, markersize=3.5)
    _ends(right, row)
    right.set_ylabel("error (%)")
    right.set_title(f"the highest line: seed {row['seed']}")
    legend(figure, left)
    return figure


def _ends(axes: Axes, row: pd.Series) -> None:
    """The horizontal axis, from one round to the next."""
    names = ["dense" if number == 0 else f"round {number}" for number in (row["from"], row["to"])]
    axes.set_xticks([0, 0.5, 1], [names[0], "half way", names[1]])
    axes.set_ylim(bottom=0)
