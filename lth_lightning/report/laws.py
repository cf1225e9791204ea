"""The laws by which `Rate` says that discrepancies fall, in words and as a table."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from .intervals import Interval, mean_interval
from .wording import EMPTY

MEASURES = {"local": "the layer", "output": "the network's output"}


@dataclass(frozen=True)
class Way:
    """How a way to choose neurons is called and drawn.

    Args:
        label: In words.
        colour: Of its line and marks.
        marker: Of its marks.
    """

    label: str
    colour: str
    marker: str


WAYS = {
    "greedy_local": Way("greedy local", "#0072B2", "o"),
    "greedy_local_steps": Way("greedy local, n steps", "#56B4E9", "v"),
    "greedy_global": Way("greedy global", "#D55E00", "s"),
    "fixed_steps": Way("forward selection", "#009E73", "^"),
    "forward_selection": Way("forward, by labels", "#E69F00", "D"),
    "l1": Way("L1 norm", "#CC79A7", "P"),
    "random": Way("random", "#777777", "X"),
}


@dataclass(frozen=True)
class Law:
    """What the rows of all seeds say of one way.

    Args:
        way: Its name and looks.
        rate: lambda of C exp(-lambda n).
        power: p of C n^-p.
        rate_r2: Share of the variance of log D that the first explains, in the mean over seeds.
        power_r2: That of the second.
    """

    way: Way
    rate: Interval
    power: Interval
    rate_r2: float
    power_r2: float

    @property
    def exponential(self) -> bool:
        """Whether the exponential law explains more."""
        return self.rate_r2 > self.power_r2

    @property
    def text(self) -> str:
        """The law that explains more.

        Example:
            >>> one = mean_interval([0.02])
            >>> Law(WAYS["random"], one, mean_interval([1.04]), 0.7, 0.99).text
            'n^-1.04'
            >>> Law(WAYS["random"], one, one, 0.9, 0.7).text
            'exp(-0.020 n)'
        """
        return f"exp({-self.rate.mean:#.2g} n)" if self.exponential else f"n^{-self.power.mean:.2f}"


def laws(table: pd.DataFrame, layer: str, of: str) -> Iterator[Law]:
    """The laws of every way that has been fitted, in the order of `WAYS`.

    Args:
        table: Rows of `Rate`.
        layer: Which layer.
        of: Whether of the layer ('local') or of the network's output ('output').
    """
    if "of" not in table:
        return
    there = table[(table["layer"] == layer) & (table["of"] == of)]
    for name, way in WAYS.items():
        own = there[there["way"] == name]
        if len(own):
            rate, power = (mean_interval(own[column]) for column in ("rate", "power"))
            yield Law(way, rate, power, own["rate_r2"].mean(), own["power_r2"].mean())


@dataclass(frozen=True)
class LawsTable:
    """The laws as the page shows them.

    Args:
        title: The layer, and what is measured.
        n: Number of seeds.
        up_to: Share of the neurons up to which laws were fitted.
        lines: Of every way its label, lambda, R2, p and R2, and which law explains more: 0, or 1 for the power.
    """

    title: str
    n: int
    up_to: float
    lines: list[tuple[str, str, str, str, str, int]]


def laws_tables(table: pd.DataFrame) -> list[LawsTable]:
    """A table for each layer and measure that laws were fitted to.

    Args:
        table: Rows of `Rate`; there may be none.
    """
    found = []
    for layer in dict.fromkeys(table["layer"]) if "of" in table else ():
        for of, title in MEASURES.items():
            own = list(laws(table, layer, of))
            if own:
                lines = [(law.way.label, *_cells(law), int(not law.exponential)) for law in own]
                most, up_to = max(law.rate.n for law in own), float(table["up_to"].iloc[0])
                found.append(LawsTable(f"{layer}: discrepancy of {title}", most, up_to, lines))
    return found


def _cells(law: Law) -> tuple[str, str, str, str]:
    return _told(law.rate), f"{law.rate_r2:.2f}", _told(law.power), f"{law.power_r2:.2f}"


def _told(interval: Interval) -> str:
    """A slope with its half-width, to the same number of decimals."""
    if interval.n == 0:
        return EMPTY
    decimals = 4 if abs(interval.mean) < 0.1 else 3 if abs(interval.mean) < 1 else 2
    spread = f" ± {interval.half_width:.{decimals}f}" if interval.n > 1 else ""
    return f"{interval.mean:.{decimals}f}{spread}"
