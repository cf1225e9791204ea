"""The figure of `Ensembles`: what networks know together, and how often they disagree."""

from textwrap import wrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .arms import describe
from .drawing import beside_each_other
from .wording import share

LOOKS = {  # column -> marker, colour, and its name
    "accuracy": ("o", "#999999", "alone"),
    "ensemble_accuracy": ("D", "#0072B2", "together"),
    "disagreement": ("o", "#D55E00", "with each other"),
    "disagreement_with_pruned": ("s", "#009E73", "with the pruned"),
}


def ensembles_figure(table: pd.DataFrame, width: float) -> Figure:
    """Accuracy alone and together, and disagreement, of each set of networks of the sparsest round and of dense ones.

    Args:
        table: Rows of `Ensembles`.
        width: Width of the figure in inches.

    Returns:
        A row for each set: an arm, and in what its networks differ. Sets of copies are means over seeds.
    """
    sparsest = table.loc[table["density"] < 1, "density"].min()
    own = table[(table["density"] == 1) | (table["density"] <= sparsest * 1.01)]
    columns = [*LOOKS]
    sets = own.groupby(["arm", "differ"])[columns].mean()
    arms = describe(own["arm"])
    names = [(arm, differ) for arm in arms for differ in ("noise", "seeds") if (arm, differ) in sets.index]
    figure, (left, right), _ = beside_each_other(width)
    labels = [f"{arms[arm].label}, other {differ}" for arm, differ in names]
    if wide := width > 6:
        figure.set_figheight(0.3 * len(names) + 1.5)
    else:  # the labels would leave no room beside them
        labels = ["\n".join(wrap(label, 20)) for label in labels]
        figure.set_figheight(2 * (0.16 * sum(2 + label.count("\n") for label in labels) + 1.5))
    for axes, shown in ((left, columns[:2]), (right, columns[2:])):
        _sets(axes, sets.loc[names], labels if axes is left or not wide else [], shown)
    left.set_xlabel(f"accuracy (%), {share(sparsest)} kept")
    right.set_xlabel("disagreement (% of images)")
    right.set_xlim(left=0)
    return figure


def _sets(axes: Axes, sets: pd.DataFrame, labels: list[str], columns: list[str]) -> None:
    places = range(len(sets))
    for column in columns:
        marker, colour, name = LOOKS[column]
        axes.plot(100 * sets[column].astype(float), places, marker, color=colour, label=name, markersize=7)
    axes.set_yticks(list(places), labels or [""] * len(sets))
    axes.set_ylim(len(sets) - 0.5, -0.5)
    axes.grid(visible=True, axis="both")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), borderaxespad=0.2)
