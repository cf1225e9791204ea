"""The section on `Latency`: its figure, its sentences and its table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from .arms import PRUNED, Arm, describe
from .drawing import beside_each_other, legend
from .latency_words import FORMS, latency_sentence, milliseconds, speed_up, where
from .over_steps import named_arms
from .rows import objects
from .wording import share

SIDES = {"masked": -1, "csr": 1}  # of the forms of one network, which would hide each other
LOOKS = {"dense": ("#333333", "D"), "masked": ("#D55E00", "s"), "slim": ("#0072B2", "o"), "csr": ("#009E73", "^")}
Place = tuple[int, str]  # number of images, device
ROOM = 1.35  # factor beyond the values on both axes
NARROW = 3.0  # measured speed-ups that span less have finer ticks
FINE = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 5.0)


@dataclass(frozen=True)
class LatencyLine:
    """One form of a network, as the page shows it.

    Args:
        form: What it is called.
        parameters: Numbers that it holds, and as a share of the dense network's.
        flops: The same of its operations for an image.
        times: Latency in milliseconds, speed-up, and its interval, at each number of images and device.
    """

    form: str
    parameters: tuple[str, str]
    flops: tuple[str, str]
    times: list[tuple[str, str, str]]


@dataclass(frozen=True)
class LatencyNetwork:
    """One network, as the page shows it.

    Args:
        round: Round of pruning.
        kept: Share of weights kept, in percent.
        theory: Speed-up if only kept weights were multiplied.
        lines: Its forms.
    """

    round: int
    kept: str
    theory: str
    lines: list[LatencyLine]


@dataclass(frozen=True)
class LatencySection:
    """What the page says of latency.

    Args:
        sentences: What was found, of each method.
        columns: Numbers of images and devices.
        parts: Arms with their networks, the dense one first.
    """

    sentences: list[str]
    columns: list[str]
    parts: list[tuple[Arm, list[LatencyNetwork]]]

    @property
    def lines(self) -> int:
        """How many lines the table has."""
        return sum(len(network.lines) for _, own in self.parts for network in own)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are drawn and listed: of dense networks and what pruning made; all where it made nothing."""
    made = table[table["arm"].isin(PRUNED)]
    return table[(table["form"] == "dense") | table["arm"].isin(PRUNED)] if len(made) else table


def latency_figure(table: pd.DataFrame, width: float) -> Figure:
    """How many times as fast as the dense network, measured, against how many times in theory.

    Args:
        table: Rows of `Latency`.
        width: Width of the figure in inches.

    Returns:
        A panel for each number of images and device, with a mark for each form of each network and its interval, also
        of the dense one beside itself; both axes logarithmic. On the dashed line theory holds; on the dotted one
        nothing is gained. Networks of which nothing is left are left out.
    """
    own = shown(table)
    own = own[own["theory"] > 0].assign(theory=1 / own["theory"], measured=1 / own["ratio"])
    own = own.assign(lower=(1 / own["high"]).fillna(own["measured"]), upper=(1 / own["low"]).fillna(own["measured"]))
    places = list(dict.fromkeys(map(_place, own.to_dict("records"))))
    figure, panels, each = beside_each_other(width, len(places))
    span = own["theory"].min(), own["theory"].max()
    low, high = own["measured"].min(), max(own["measured"].max(), 1)
    for axes, (batch, device) in zip(panels, places, strict=True):
        _panel(axes, own[(own["batch"] == batch) & (own["device"] == device)], span)
        axes.set_ylim(low / ROOM, high * ROOM)
        axes.set_title(where({"batch": batch, "device": device}))
    for axes in panels if each == width else panels[:1]:
        axes.set_ylabel("measured speed-up")
    legend(figure, *panels)
    return figure


def _panel(axes: Axes, own: pd.DataFrame, span: tuple[float, float]) -> None:
    axes.axhline(1, color="#555555", linewidth=1.2, linestyle=":")
    ends = np.array([1 / ROOM, span[1] * ROOM])
    axes.plot(ends, ends, color="#333333", linewidth=1.2, linestyle=(0, (4, 2)), label="as in theory")
    step = 0.012 * np.log(span[1] * ROOM**2)
    for form, (colour, marker) in LOOKS.items():
        rows = own[own["form"] == form]
        if rows.empty:
            continue
        bars = [rows["measured"] - rows["lower"], rows["upper"] - rows["measured"]]
        axes.errorbar(
            rows["theory"] * np.exp(SIDES.get(form, 0) * step),
            rows["measured"],
            yerr=np.clip(bars, 0, None),
            fmt=marker,
            color=colour,
            markersize=5,
            elinewidth=1.2,
            capsize=2.5,
            linestyle="none",
            label=FORMS[form].partition(":")[0],
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(min(1.0, span[0]) / 1.15, span[1] * ROOM)
    for axis, (low, high) in (
        (axes.xaxis, axes.get_xlim()),
        (axes.yaxis, (own["measured"].min(), own["measured"].max())),
    ):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)) if high > NARROW * low else FixedLocator(FINE))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("speed-up in theory")


def latency_section(folder: Path) -> LatencySection | None:
    """What the page says of latency; None where it was not measured.

    Args:
        folder: The experiment's folder.
    """
    file = folder / "analyses" / "latency.jsonl"
    rows = [row for _, row in objects(file) if row is not None] if file.is_file() else []
    if not rows:
        return None
    table = shown(pd.DataFrame(rows))
    table = table[table["seed"] == table["seed"].iloc[0]]
    table = table.assign(name=named_arms(table))
    places = list(dict.fromkeys(map(_place, table.to_dict("records"))))
    parts = [
        (arm, list(_networks(table[table["name"] == name], places))) for name, arm in describe(table["name"]).items()
    ]
    columns = [where({"batch": batch, "device": device}) for batch, device in places]
    return LatencySection(list(_sentences(rows)), columns, parts)


def _sentences(rows: list[dict[str, Any]]) -> Iterator[str]:
    """One of each method and point of a grid."""
    for method in dict.fromkeys(row.get("method") for row in rows):
        told = latency_sentence([row for row in rows if row.get("method") == method])
        yield f"{method}: {told}." if method else f"{told[0].upper()}{told[1:]}."


def _networks(own: pd.DataFrame, places: list[Place]) -> Iterator[LatencyNetwork]:
    for number, rows in own.groupby("round"):
        density, theory = rows.iloc[0][["density", "theory"]]
        yield LatencyNetwork(
            round=int(str(number)),
            kept=share(density).removesuffix(" %"),
            theory=f"{1 / theory:.3g}" if theory else "\u221e",
            lines=[_line(each, places) for _, each in rows.groupby("form", sort=False)],
        )


def _line(rows: pd.DataFrame, places: list[Place]) -> LatencyLine:
    first = rows.iloc[0]
    by_place: dict[Place, Any] = {_place(row): row for row in rows.to_dict("records")}
    there = [by_place[place] for place in places]
    times = [(milliseconds(row["latency"]).removesuffix(" ms"), *speed_up(row)) for row in there]
    return LatencyLine(FORMS[first["form"]], _amount(first, "parameters"), _amount(first, "flops"), times)


def _amount(row: Mapping[str, Any] | pd.Series, name: str) -> tuple[str, str]:
    return f"{row[name]:,}", f"{row[f'{name}_ratio']:.3g}"


def _place(row: Mapping[Any, Any]) -> Place:
    return int(row["batch"]), str(row["device"])
