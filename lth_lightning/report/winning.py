"""The verdicts about tickets, as text."""

import math
from dataclasses import dataclass

from ..claims import TOLERANCES, Bar
from .intervals import Interval
from .ruling import Condition, Rate, Ruling
from .verdict import Verdict
from .wording import EMPTY, further, listed, points, share

KINDS = {"jackpot": "drops", "secondary prize": "drops", "holds": "drops", "no ticket": "same", "fails": "same"}
MISSING = {
    1: "tell the epochs of every training",
    2: "train small dense networks",
    3: "train reinitialised tickets",
    4: "train dense networks at the learning rate of tickets",
    5: "train dense networks",
}


@dataclass(frozen=True)
class Cell:
    """A verdict or a condition, as the page shows it.

    Args:
        answer: In words.
        number: The difference in percentage points; empty where there is none.
        interval: Its confidence bounds; empty where there are none.
        remarks: Where the number comes from, or what would settle the answer.
    """

    answer: str
    number: str
    interval: str
    remarks: list[str]

    @property
    def kind(self) -> str:
        """The style sheet's name of the answer."""
        return KINDS.get(self.answer, "open")


@dataclass(frozen=True)
class Line:
    """A density in one mode.

    Args:
        density: Share of weights kept.
        mode: 'strict', 'literal', or empty where both say the same.
        verdict: What it is.
        conditions: The five.
    """

    density: str
    mode: str
    verdict: Cell
    conditions: list[Cell]


def bar_words(bar: Bar, data: str | None) -> dict[str, str]:
    """A bar as the page shows it: numbers in percent or percentage points, and where the tolerance comes from.

    Args:
        bar: What tickets have to pass.
        data: The data set.

    Example:
        >>> bar_words(Bar(), "CIFAR100")["tolerance"], bar_words(Bar(), "CIFAR100")["why"]
        ('1', "the paper's tolerance for CIFAR100")
    """
    published = data if data in TOLERANCES else "CIFAR-10"
    lacking = f", as it has none for {data}" if data is not None and data not in TOLERANCES else ""
    why = f"the paper's tolerance for {published}{lacking}"
    numbers = {"level": bar.alpha, "gap": bar.gap, "nontrivial": bar.nontrivial, "tolerance": bar.of(data)}
    return {name: f"{100 * value:g}" for name, value in numbers.items()} | {
        "why": why if bar.tolerance is None else "as the configuration asks",
        "epochs": "" if bar.epochs is None else f"{bar.epochs:g}",
    }


def lines(verdicts: list[Verdict]) -> list[Line]:
    """The table of verdicts: the strict ones, and the literal ones where they differ.

    Args:
        verdicts: As `verdict` returns them.
    """
    found = []
    for told in verdicts:
        modes = {"strict": told.strict, "literal": told.literal} if _differ(told) else {"": told.strict}
        found += [
            _line(share(told.density), mode, ruling, len(told.strict.rates) > 1) for mode, ruling in modes.items()
        ]
    return found


def _differ(told: Verdict) -> bool:
    def said(ruling: Ruling) -> list[str]:
        return [ruling.verdict, ruling.as_means, *(c.state for c in ruling.conditions.values())]

    return said(told.strict) != said(told.literal)


def _line(density: str, mode: str, ruling: Ruling, several: bool) -> Line:
    cells = [_cell(condition, several) for condition in ruling.conditions.values()]
    missing = {number: what for number, what in MISSING.items() if ruling.conditions[number].state == "not measured"}
    given = f" if {listed(map(str, missing))} held" if missing else ""
    means = f"means only: {ruling.supposed}{given if ruling.supposed != ruling.as_means else ''}"
    remarks = _open(ruling, given, missing) if ruling.verdict == "cannot tell" else []
    return Line(density, mode, Cell(ruling.verdict, "", "", [*remarks, means]), cells)


def _open(ruling: Ruling, given: str, missing: dict[int, str]) -> list[str]:
    """What is known of an open verdict, and what would settle it."""
    known = [f"at least {ruling.at_least}"] if ruling.at_least != "no ticket" else []
    if given and ruling.more == 0:
        known = [f"{ruling.at_most}{given}"]
    elif ruling.at_most != "jackpot":
        known += [f"at most {ruling.at_most}"]
    # Without any dense networks the fifth condition asks for what the fourth asks for.
    needed = [what for number, what in missing.items() if number != 5]
    return known + needed + _seeds(ruling.more, [c.difference for c in ruling.conditions.values()])


def _seeds(more: float, differences: list[Interval]) -> list[str]:
    if math.isnan(more):
        one_seed = any(difference.n == 1 for difference in differences)
        return ["run two seeds or more" if one_seed else "all seeds agree: spread unknown"]
    if more == 0:
        return []
    return [further(more)]


def _cell(condition: Condition, several: bool) -> Cell:
    difference = condition.difference
    if difference.n == 0:
        return Cell(condition.state, "", "", [])
    evidence = f"n = {difference.n}" + (f", rate {_named(condition.rate)}" if several else "")
    means = [f"its mean {condition.as_means}"] if condition.state == "cannot tell" else []
    return Cell(condition.state, points(difference.mean), _interval(difference), [evidence, *means])


def _interval(difference: Interval) -> str:
    if math.isnan(difference.low):
        return ""
    if math.isinf(difference.low) or math.isinf(difference.high):
        end, value = ("below", difference.high) if math.isinf(difference.low) else ("above", difference.low)
        return f"({end} {points(value)})"
    return f"({points(difference.low)} to {points(difference.high)})"


def _named(rate: Rate) -> str:
    return EMPTY if rate is None else f"{rate:g}"
