"""The figure of `FunctionSpace`: a picture of what networks answer, and how often they disagree."""

import math
from itertools import pairwise

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .arms import describe
from .drawing import beside_each_other, halo, limits
from .over_rounds import TICKET, means

DENSE = describe(["dense"])["dense"]
LABELS = 8  # as many as fit beside points that lie close together


def function_space_figure(table: pd.DataFrame, width: float) -> Figure:
    """Networks as points that are the farther apart the more they disagree, and disagreement against density.

    Args:
        table: Rows of `FunctionSpace`.
        width: Width of the figure in inches.

    Returns:
        On the left the networks of the first seed, joined round by round; on the right means over seeds with t
        intervals, of tickets with the round before and with the dense network.
    """
    figure, (left, right), each = beside_each_other(width)
    networks, pairs = table[table["round"].notna()], table[table["round"].isna()]
    seed = networks["seed"].min()
    own = networks[networks["seed"] == seed].sort_values("round")
    _embedding(left, own)
    left.set_title(f"seed {seed}")
    left.set_xlabel(f"points of disagreement (stress {_stress(own, pairs[pairs['seed'] == seed]):.2f})")
    shown = [
        means(right, pairs[kept], "other", "disagreement", each, arm, label, index, 2)
        for index, (arm, label, kept) in enumerate(
            (
                (DENSE, "with the dense network", pairs["one"] == 0),
                (TICKET, "with the round before", pairs["other"] == pairs["one"] + 1),
            )
        )
        if kept.any()
    ]
    if shown:
        right.set_ylim(0, limits(pd.concat(shown), np.append(pairs["disagreement"], 0))[1])
        right.legend(loc="best")
    right.set_ylabel("disagreement (% of images)")
    right.set_title("how often tickets disagree")
    return figure


def _embedding(axes: Axes, own: pd.DataFrame) -> None:
    """The networks of a seed as points, darker the earlier, joined in the order of their rounds."""
    x, y = 100 * own["x"].to_numpy(), 100 * own["y"].to_numpy()
    colours = matplotlib.colormaps["viridis"]
    for i, j in pairwise(range(len(own))):
        axes.plot(x[[i, j]], y[[i, j]], color="#B8BDC6", linewidth=1.4, zorder=1)
    for i, number in enumerate(own["round"]):
        colour = colours(0.9 * i / max(len(own) - 1, 1))
        axes.plot(x[i], y[i], "s" if number == 0 else "o", color=colour, markersize=8, markeredgecolor="white")
    reach = max(abs(x).max(), abs(y).max(), 0.05)
    every = -(-len(own) // LABELS)
    groups = list[list[int]]()
    for i in range(len(own)):
        if i % every == 0 or i == len(own) - 1:
            near = [group for group in groups if math.dist((x[group[0]], y[group[0]]), (x[i], y[i])) < 0.12 * reach]
            near[0].append(i) if near else groups.append([i])
    for group in groups:
        names = ["dense" if number == 0 else f"{number:.0f}" for number in own["round"].iloc[group]]
        at = (x[group].max(), y[group].mean())
        axes.annotate(
            ", ".join(names), at, (7, 0), textcoords="offset points", va="center", fontsize=9.5, path_effects=halo()
        )
    axes.set(xlim=(-1.3 * reach, 1.3 * reach), ylim=(-1.3 * reach, 1.3 * reach), aspect="equal")
    axes.grid(visible=True, axis="both")


def _stress(own: pd.DataFrame, pairs: pd.DataFrame) -> float:
    """How far distances in the picture are from the disagreements, as a share of these (Kruskal, 1964); 0 is exact."""
    places = {number: (x, y) for number, x, y in zip(own["round"], own["x"], own["y"], strict=True)}
    asked = pairs["disagreement"].to_numpy(dtype=float)
    drawn = [math.dist(places[one], places[other]) for one, other in zip(pairs["one"], pairs["other"], strict=True)]
    return float(np.linalg.norm(asked - drawn) / (np.linalg.norm(asked) or 1))
