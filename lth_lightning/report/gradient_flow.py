"""The figure of `Flow`: the norm of the gradient while networks train, and what moves of a mask do to it."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .drawing import beside_each_other, legend
from .over_steps import changes_axis, lines_of, named_arms, norms_axis, over_steps, step_axis
from .wording import share

MOST = 5  # rounds with a line


def gradient_flow_figure(table: pd.DataFrame, width: float) -> Figure:
    """The norm of the gradient against steps, of each arm and of tickets by their density; changes at moves of masks.

    Args:
        table: Rows of `Flow`, of one setting.
        width: Width of the figure in inches.

    Returns:
        Means over seeds with bands of t intervals: every arm where it keeps the fewest weights, in further panels
        tickets or sparse networks of several densities, if there are, and norm after minus before each move, if any.
    """
    moves = table[table["when"].notna()] if "when" in table else table.iloc[:0]
    norms = table[table["norm"].notna()]
    pruned = norms[norms["arm"].isin(["dense", "ticket", "sparse"])]
    rounds = sorted(pruned["round"].unique())
    several = named_arms(pruned).nunique() > 2  # methods of a study, whose rounds have nothing in common
    drawn = [_arms, *([_rounds] if len(rounds) > 2 and not several else []), *([_moves] if len(moves) else [])]
    figure, panels, _ = beside_each_other(width, len(drawn))
    for axes, draw in zip(panels, drawn, strict=True):
        draw(axes, {_arms: norms, _rounds: pruned, _moves: moves}[draw], table)
        step_axis(axes)
    legend(figure, *(axes for axes, draw in zip(panels, drawn, strict=True) if draw is not _rounds))
    return figure


def _arms(axes: Axes, norms: pd.DataFrame, table: pd.DataFrame) -> None:
    for arm, label, own in lines_of(norms, table):
        dashes = {"linestyle": (0, (4, 2))} if arm.name == "dense" else {}
        over_steps(axes, own, "norm", arm.colour, label, **dashes)
    norms_axis(axes)
    axes.set_title("with the fewest weights" if norms["round"].nunique() > 1 else "while training")
    axes.set_ylabel("norm of the gradient")


def _rounds(axes: Axes, pruned: pd.DataFrame, table: pd.DataFrame) -> None:
    rounds = sorted(pruned["round"].unique())
    shown = [rounds[round(place)] for place in np.linspace(0, len(rounds) - 1, min(MOST, len(rounds)))]
    for number, shade in zip(shown, matplotlib.colormaps["viridis"](np.linspace(0, 0.86, len(shown))), strict=True):
        own = pruned[pruned["round"] == number]
        over_steps(axes, own, "norm", shade, share(own["density"].mean()))
    norms_axis(axes)
    axes.set_title("by weights kept")
    axes.legend(loc="best")


def _moves(axes: Axes, moves: pd.DataFrame, table: pd.DataFrame) -> None:
    axes.axhline(0, color="#333333", linewidth=1.2)
    changed = moves.assign(change=moves["after"] - moves["before"])
    for arm, label, own in lines_of(changed, table):
        over_steps(axes, own, "change", arm.colour, label)
    changes_axis(axes)
    axes.set_title("at moves of the mask")
    axes.set_ylabel("change of the norm (after \u2212 before)")
