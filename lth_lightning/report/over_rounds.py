"""What is measured of each round, in its mean over seeds, against the share of weights kept."""

import pandas as pd
from matplotlib.axes import Axes

from .accuracy import series
from .arms import Arm, describe
from .drawing import beside, density_axis
from .intervals import mean_interval

TICKET = describe(["ticket"])["ticket"]


def means(
    axes: Axes,
    table: pd.DataFrame,
    round: str,
    column: str,
    width: float,
    arm: Arm = TICKET,
    label: str | None = None,
    index: int = 0,
    count: int = 1,
) -> pd.DataFrame:
    """The means of a column by round in percent, with intervals over seeds and single seeds as faint dots.

    Args:
        axes: Where to draw.
        table: A row for each seed and round, with its `density`.
        round: The column that says which round.
        column: What to draw, a share 0..1.
        width: Width of the axes in inches.
        arm: Whose looks the line has.
        label: In the legend; the arm's by default.
        index: Which of the lines of these axes it is, from 0.
        count: Number of these; they are moved a little apart.

    Returns:
        Columns `density`, `mean`, `low` and `high`.
    """
    own = pd.DataFrame(
        [{"density": at["density"].mean(), **vars(mean_interval(at[column]))} for _, at in table.groupby(round)]
    )
    axes.plot(
        beside(table["density"], index, count, own["density"]),
        100 * table[column],
        ".",
        color=arm.colour,
        alpha=0.45,
        markersize=6,
    )
    series(axes, own, arm, beside(own["density"], index, count, own["density"]), label)
    density_axis(axes, own["density"].tolist(), width)
    return own
