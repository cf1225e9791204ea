"""Figures of what analyses measured of single trainings, over the points of a study's grid."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .accuracy import series
from .arms import FROM, Arm, describe
from .drawing import Drawing, beside, density_axis, render
from .gaps import line_axis, looks
from .intervals import levels
from .measures import LEVELS
from .panels import grid, label
from .setting import Setting

LABELS: Mapping[str, str] = {  # column -> what its axis says; without a unit where it is no share
    "instability": "instability (points)",
    "error_barrier": "error barrier to the round before (points)",
    "angular_distance": "angular distance to the round before",
    "weight_correlation": "large before and after (%)",
}
COPIES = "copies of dense networks"
SINGLY = tuple(column for column in LABELS if column != "angular_distance")  # of which one experiment has a map


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Args:
        panel: The panel's title.
        look: How it looks, and what the legend says.
        values: Columns `arm`, `density`, `mean`, `low`, `high`.
    """

    panel: str
    look: Arm
    values: pd.DataFrame


def measure_panels(found: Mapping[Setting, pd.DataFrame], column: str, width: float) -> Figure:
    """A measure against the share of weights kept, or for copies of dense networks against where they start.

    Args:
        found: The settings of a study, or one of an experiment.
        column: The measure, such as 'instability'.
        width: Width of the figure in inches.

    Returns:
        Means over seeds with t intervals; a panel per method, arm and further axis, a line per value of an axis. The
        dotted line is where stability begins, or chance.
    """
    level = LEVELS.get(column)
    lines = list(_lines(found, column))
    titles = list(dict.fromkeys(line.panel for line in lines))
    sparse = {line.panel for line in lines if (line.values["density"] < 1).any()}
    wholes = {*titles} - sparse
    figure, panels, each = grid([title or "all" for title in titles] if len(titles) > 1 else titles, width)
    for axes, title in zip(panels, titles, strict=True):
        own = [line for line in lines if line.panel == title]
        (_by_arm if title in wholes else _by_density)(axes, own, each)
        if level is not None:
            axes.axhline(100 * level, color="#555555", linewidth=1.2, linestyle=":")
    every = pd.concat(line.values for line in lines)
    top = max(every["mean"].max(), min(every["high"].max(), 1.5 * every["mean"].max()), level or 0)
    panels[0].set_ylim(min(0.0, 110 * every["mean"].min()), 108 * top)
    label(
        figure, panels, LABELS[column] + _policy(found, column), explained=len({line.look.label for line in lines}) > 1
    )
    for axes, title in zip(panels, titles, strict=True):
        if title in wholes:
            axes.set_xlabel("copies start from" if title.endswith(COPIES) else "")
    if wholes == {*titles}:
        figure.supxlabel("")
    if not LABELS[column].endswith(")"):  # no share
        for axes in panels:
            axes.yaxis.set_major_formatter(lambda value, _: f"{value / 100:g}")
    return figure


def _policy(found: Mapping[Setting, pd.DataFrame], column: str) -> str:
    """By what batch norm normalised, which can decide whether there is a barrier."""
    told = f"{column}_statistics"
    policies = sorted({each for own in found.values() if told in own for each in own[told].dropna()})
    return f"\nbatch norm: {', '.join(policies)}" if policies else ""


def _by_density(axes: Axes, lines: list[Line], width: float) -> None:
    shown = pd.concat(line.values for line in lines)["density"]
    for index, line in enumerate(lines):
        series(axes, line.values, line.look, beside(line.values["density"], index, len(lines), shown))
    density_axis(axes, shown.tolist(), width)


def _by_arm(axes: Axes, lines: list[Line], width: float) -> None:
    """Arms of whole networks side by side, in their order."""
    arms = list(describe(arm for line in lines for arm in line.values["arm"]).values())
    places = {arm.name: index for index, arm in enumerate(arms)}
    for index, line in enumerate(lines):
        shift = 0.5 * (index - (len(lines) - 1) / 2) / max(3, len(lines))
        place = line.values["arm"].map(places).to_numpy(float) + shift
        series(axes, line.values, line.look, place)
    axes.set_xlim(-0.6, len(arms) - 0.4)
    axes.set_xticks(list(places.values()), [arm.label.removeprefix("from ") for arm in arms])
    axes.grid(visible=False, axis="x")


def _lines(found: Mapping[Setting, pd.DataFrame], column: str) -> Iterator[Line]:
    along = line_axis(found)
    values = list(dict.fromkeys(setting.at.get(along) for setting in found))
    by_value = dict(zip(values, looks(along, values), strict=True))
    for setting, table in found.items():
        own = levels(table[table[column].notna()], column)
        rest = setting.without(along)
        place = ", ".join(filter(None, [setting.method and rest.method, rest.place]))
        arms = describe(own["arm"])
        for name, arm in arms.items():
            if name.startswith(FROM):
                continue
            title = ", ".join(filter(None, [place, "" if name == "ticket" else arm.label]))
            look = by_value[setting.at.get(along)] if along else arm
            if name != "dense" or not (own["arm"] == "ticket").any():  # else its values are those of the first round
                yield Line(title if along else place, look, own[own["arm"] == name])
        copies = own[own["arm"].str.startswith(FROM)]
        if len(copies):
            copies = copies.set_index("arm").loc[[name for name in arms if name.startswith(FROM)]].reset_index()
            title = ", ".join(filter(None, [place, COPIES]))
            look = by_value[setting.at.get(along)] if along else replace(describe(["ticket"])["ticket"], label="copies")
            yield Line(title, look, copies)


def draw_measured(found: Mapping[Setting, pd.DataFrame], columns: Iterable[str] = LABELS) -> dict[str, Drawing]:
    """The figures of those measures that there are.

    Args:
        found: The settings of a study, or one of an experiment.
        columns: The measures to draw.
    """
    there = [c for c in columns if any(c in own and own[c].notna().any() for own in found.values())]
    return {column: render(partial(measure_panels, found, column)) for column in there}
