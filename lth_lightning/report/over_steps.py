"""What probes saw of each arm while it trained, in its mean over seeds, against optimizer steps."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from .arms import Arm, describe
from .intervals import mean_interval
from .wording import share

WIDE_RANGE = 30  # from the largest to the smallest mean: beyond, a linear axis would hide the small ones


def named_arms(table: pd.DataFrame) -> pd.Series:
    """What each row's arm is called: in a study with its method, but for dense networks, which all methods share.

    Args:
        table: Rows with `arm`; in a study with `method`.
    """
    if "method" not in table:
        return table["arm"]
    shared = table["method"].isna() | (table["arm"] == "dense")
    return table["arm"].where(shared, table["method"].astype(str) + "/" + table["arm"])


def lines_of(table: pd.DataFrame, whole: pd.DataFrame) -> Iterator[tuple[Arm, str, pd.DataFrame]]:
    """Every arm where it keeps the fewest weights, the dense one first: its looks, its label, and its rows.

    Args:
        table: Rows with `arm`, `round`, `density`; in a study with `method`.
        whole: All rows of the figure, in all of which an arm looks the same.
    """
    arms, names = describe(named_arms(whole)), named_arms(table)
    alike = len({arm.colour for arm in arms.values()}) < len(arms)  # the same arm of several methods
    for index, (name, arm) in enumerate(arms.items()):
        own = table[names == name]
        if own.empty:
            continue
        look = replace(arm, colour=to_hex(f"C{index % 10}")) if alike and name != "dense" else arm
        last = own[own["round"] == own["round"].max()]
        density = last["density"].mean()
        yield look, arm.label if density == 1 else f"{arm.label}, {share(density)}", last


def over_steps(axes: Axes, own: pd.DataFrame, column: str, colour: object, label: str, **style: object) -> None:
    """The mean over seeds at each step, with a band for its interval.

    Args:
        axes: Where to draw.
        own: Rows with `step`, one a seed and step, of which steps that not all seeds have are left out.
        column: What to draw.
        colour: Of line and band.
        label: In the legend.
        style: Of the line.
    """
    seeds = own.groupby(["step", "seed"])[column].mean().unstack().dropna()
    if seeds.empty:
        return
    steps = seeds.index.to_numpy()
    intervals = [mean_interval(values) for values in seeds.to_numpy()]
    means, low, high = (np.array([getattr(each, end) for each in intervals]) for end in ("mean", "low", "high"))
    looks = {"marker": "." if len(steps) <= 25 else None, "linewidth": 1.6, **style}
    axes.plot(steps, means, color=colour, label=label, **looks)  # type: ignore[arg-type]
    axes.fill_between(steps, low, high, color=colour, alpha=0.1, linewidth=0)


def step_axis(axes: Axes) -> None:
    """An axis of optimizer steps."""
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))


def norms_axis(axes: Axes) -> None:
    """Limits by the means, as bands of two seeds may flatten all else: from zero, or logarithmic over a wide range."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines] or [np.ones(1)])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() / values.min() > WIDE_RANGE:
        axes.set_yscale("log")
        axes.set_ylim(values.min() / 1.6, values.max() * 1.6)
        plain_decades(axes)
    else:
        axes.set_ylim(0, 1.08 * max(values.max(initial=0), 1e-12))


def plain_decades(axes: Axes) -> None:
    """Powers of ten at a logarithmic vertical axis, written out."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def changes_axis(axes: Axes) -> None:
    """Limits by the means, with zero among them."""
    values = np.concatenate([np.zeros(1), *(np.asarray(line.get_ydata(), float) for line in axes.lines)])
    values = values[np.isfinite(values)]
    room = 0.12 * max(values.max() - values.min(), 1e-12)
    axes.set_ylim(values.min() - room, values.max() + room)
