"""The figures on the page of one experiment."""

import pandas as pd

from .accuracy import accuracy_figure, difference_figure, drawable
from .arms import SINGLE
from .by_arm import by_arm_figure, is_by_arm
from .drawing import Drawing, render
from .drops import drops_figure
from .intervals import paired_levels
from .layers import layer_densities, layers_figure
from .learning import PANELS, learning_figure
from .sentences import measured


def draw(table: pd.DataFrame, checked: pd.DataFrame, learned: pd.DataFrame) -> dict[str, Drawing]:
    """The figures that these results have something for.

    Args:
        table: Trainings as `read` returns them.
        checked: Sanity checks as `verdicts` returns them.
        learned: Training curves as `curves` returns them.
    """
    metric = measured(table)
    drawings = {}
    shown = drawable(table, metric)
    if ((shown["density"] < 1) & (shown["arm"] != "sparse")).any():
        figure = by_arm_figure if is_by_arm(shown) else accuracy_figure
        drawings["accuracy"] = render(lambda width: figure(table, metric, width))
    if (checked["n"] > 0).any():
        drawings["checks"] = render(lambda width: drops_figure(checked, width))
    differences = paired_levels(table, metric, ["dense"])
    if len(differences) and not is_by_arm(shown):
        drawings["difference"] = render(lambda width: difference_figure(differences, width))
    if learned.loc[learned["arm"].isin(SINGLE), [name for name, *_ in PANELS]].notna().any(axis=None):
        drawings["learning"] = render(lambda width: learning_figure(learned, width))
    if len(layer_densities(table)):
        drawings["layers"] = render(lambda width: layers_figure(table, width))
    return drawings
