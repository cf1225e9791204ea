"""What `lth analyze` wrote of several trainings at once, and its figures: here distances."""

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .connected import connected_figure
from .drawing import Drawing, render
from .ensembles import ensembles_figure
from .function_space import function_space_figure
from .gradient_flow import gradient_flow_figure
from .hessian import hessian_figure
from .latency import latency_figure
from .lines import lines_figure
from .plane import planes_figure
from .rate import rate_figure
from .rows import objects
from .signals import signals_figure
from .to_solution import solution_figure
from .weight_space import weight_space_figure

PROBED = ("gradient_flow", "hessian", "latency")  # of which a figure is about all methods of a study


def analysed(folder: Path, name: str) -> pd.DataFrame:
    """The rows of an analysis; none where it has not been made.

    Args:
        folder: The experiment's folder.
        name: Such as 'between_rounds'.
    """
    file = folder / "analyses" / f"{name}.jsonl"
    return pd.DataFrame([row for _, row in objects(file) if row is not None] if file.is_file() else [])


def draw_analysed(folder: Path, asked: Collection[str] | None = None) -> dict[str, Drawing]:
    """The figures of those analyses that were made of an experiment.

    Args:
        folder: Its folder.
        asked: Names of analyses; all by default.
    """
    figures: dict[str, Callable[[pd.DataFrame, float], Figure]] = {
        "instability": lines_figure,
        "between_rounds": lines_figure,
        "distances": distances_figure,
        "function_space": function_space_figure,
        "planes": planes_figure,
        "curves": connected_figure,
        "to_solution": solution_figure,
        "ensembles": ensembles_figure,
        "weight_space": weight_space_figure,
        "signal_propagation": signals_figure,
        "gradient_flow": gradient_flow_figure,
        "hessian": hessian_figure,
        "latency": latency_figure,
        "rate": rate_figure,
    }
    drawings = {}
    for name, figure in figures.items() if asked is None else ((name, figures[name]) for name in asked):
        table = analysed(folder, name)
        if figure is not lines_figure and len(table):
            drawings[name] = render(partial(figure, table))
        elif {"images", "statistics", "alphas", "error"} <= {*table}:
            drawings[f"lines-{name}"] = render(partial(figure, table))
    return drawings


def distances_figure(table: pd.DataFrame, width: float) -> Figure:
    """Angular distance of every two rounds and of each to the initialisation, as a map.

    Args:
        table: Rows of `Distances`.
        width: Width of the figure in inches.

    Returns:
        Means over seeds; dark is near.
    """
    names = [*sorted({row for row in table["one"] if row != "init"}), "init"]
    values = np.zeros((len(names), len(names)))
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            if i < j:
                own = table[(table["one"] == one) & (table["other"] == other)]
                values[i, j] = values[j, i] = own["angular"].mean()
    side = min(width, 1.6 + 0.42 * len(names), 6.4)
    figure = Figure(figsize=(width, side))
    axes = figure.subplots()
    image = axes.pcolormesh(values, cmap="viridis", vmin=0, vmax=1, edgecolors="white", linewidth=0.6)
    if len(names) <= 10 and width > 6:
        for (i, j), value in np.ndenumerate(values):
            colour = "white" if value < 0.6 else "black"
            axes.text(j + 0.5, i + 0.5, f"{value:.2f}", ha="center", va="center", fontsize=8.5, color=colour)
    every = -(-len(names) // 13)
    ticks = [i for i, name in enumerate(names) if name == "init" or i % every == 0]
    for axis in (axes.set_xticks, axes.set_yticks):
        axis([i + 0.5 for i in ticks], [str(names[i]) for i in ticks])
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel("round")
    axes.set_ylabel("round")
    figure.colorbar(image, ax=axes, pad=0.02, label="angular distance (1: unrelated)")
    return figure
