"""A verdict about tickets with its reasons: five conditions, their numbers, and what would settle them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import conditions
from .conditions import RANKED, Answer, Span, States, answer, span
from .growing import fewest
from .intervals import Interval
from .margins import Margins, side

Rate = float | None
State = Literal["holds", "fails", "cannot tell", "not measured"]
UNKNOWN = Interval(math.nan, math.nan, math.nan, 0)
STATES: dict[int, State] = {1: "holds", -1: "fails", 0: "cannot tell"}
ARMS = {2: "small_dense", 3: "reinitialised", 4: "dense", 5: "dense"}


@dataclass(frozen=True)
class Condition:
    """One of the five conditions at a density.

    Args:
        state: What the interval supports saying.
        as_means: What the means alone say, as the paper reads it.
        difference: Accuracy of tickets minus that of what they are compared with, at the best learning rate of the
            latter, with confidence bounds (see `verdict`), one of which may be infinite; unknown for condition 1.
        threshold: What the difference has to be above.
        rate: Learning rate of the tickets; None where it has no name.
        more: About how many more seeds would settle the condition if means and spreads stayed; 0 where it is settled,
            infinity for more than 100, NaN where the spread is unknown.
    """

    state: State
    as_means: State
    difference: Interval = UNKNOWN
    threshold: float = math.nan
    rate: Rate = None
    more: float = 0


@dataclass(frozen=True)
class Ruling:
    """A verdict in one mode, with its reasons.

    Args:
        verdict: What the intervals support saying.
        at_least: The least that it may be; the verdict unless that is `cannot tell`.
        at_most: The most that it may be.
        as_means: What the means alone say, as the paper reads it.
        supposed: The same if conditions that were not measured held.
        conditions: By their number, 1 to 5.
        more: About how many more seeds would settle what is measured (see `Condition`).
        rates: The verdict at every single learning rate; empty in the literal mode.
        rates_as_means: What the means alone say at every single learning rate.
    """

    verdict: Answer
    at_least: Answer
    at_most: Answer
    as_means: Answer
    supposed: Answer
    conditions: dict[int, Condition]
    more: float
    rates: dict[Rate, Answer]
    rates_as_means: dict[Rate, Answer] = field(default_factory=dict)


def literal_ruling(first: int, found: Mapping[int, Margins], rates: list[Rate], level: float) -> Ruling:
    """Every condition at the learning rate that suits it best.

    Args:
        first: State of condition 1.
        found: Margins of conditions 2 to 5, as `conditions.evidence` returns them.
        rates: Learning rates of the tickets.
        level: Of every bound.
    """
    states, means = conditions.literal(found, level), conditions.literal_means(found)
    told = {n: _condition(m, range(len(rates)), rates, level, int(states[n]), int(means[n])) for n, m in found.items()}
    grown = conditions.literal(_grown(found), level)
    least, most = span(first, states)
    return _ruling(first, found, told, (least, most), span(first, means), span(1, _supposed(found, grown)), {})


def strict_ruling(first: int, found: Mapping[int, Margins], rates: list[Rate], level: float) -> Ruling:
    """Conditions 3 to 5 at one learning rate: that at which tickets may be most and surely are most.

    Args:
        first: State of condition 1.
        found: Margins of conditions 2 to 5, as `conditions.evidence` returns them.
        rates: Learning rates of the tickets.
        level: Of every bound.
    """
    states, means = conditions.strict(found, level), conditions.strict_means(found)
    least, most = span(first, states)
    nearest = np.minimum.reduce([np.nan_to_num(found[n].lowest(), nan=-np.inf) for n in (3, 4, 5)])
    best = max(range(len(rates)), key=lambda i: (most[i], least[i], nearest[i]))
    told = {}
    for n, margin in found.items():
        chosen = range(len(rates)) if n == 2 else [best]
        at = 0 if n == 2 else best
        told[n] = _condition(margin, chosen, rates, level, int(states[n][at]), int(means[n][at]))
    by_means = span(first, means)
    grown = span(1, _supposed(found, conditions.strict(_grown(found), level)))
    surely, as_means, later = ((a.max(-1), b.max(-1)) for a, b in ((least, most), by_means, grown))
    ruling = _ruling(first, found, told, surely, as_means, later, _by_rate(rates, (least, most)))
    return replace(ruling, rates_as_means=_by_rate(rates, by_means))


def _by_rate(rates: list[Rate], ends: Span) -> dict[Rate, Answer]:
    return {rate: answer(int(least), int(most)) for rate, least, most in zip(rates, *ends, strict=True)}


def _ruling(
    first: int,
    found: Mapping[int, Margins],
    told: dict[int, Condition],
    surely: Span,
    means: Span,
    grown: Span,
    rates: dict[Rate, Answer],
) -> Ruling:
    least, most = (int(end) for end in surely)
    one = Condition(STATES[first] if first else "not measured", STATES[first] if first else "not measured")
    more = 0.0 if least == most else _first(grown[0] == grown[1], found.values())
    return Ruling(
        verdict=answer(least, most),
        at_least=RANKED[least],
        at_most=RANKED[most],
        as_means=answer(*(int(end) for end in means)),
        supposed=RANKED[int(means[1])],
        conditions={1: one} | told,
        more=more,
        rates=rates,
    )


def _condition(
    margin: Margins, chosen: range | list[int], rates: list[Rate], level: float, state: int, mean: int
) -> Condition:
    """A condition at the best of the chosen learning rates."""
    if not margin.n[list(chosen)].any():
        return Condition("not measured", "not measured", threshold=margin.threshold)
    means = np.nan_to_num(margin.lowest(), nan=-np.inf)
    best = max(chosen, key=lambda i: means[i])
    low, high = (float(bound[list(chosen)].max() + margin.threshold) for bound in margin.bounds(level))
    if math.isinf(low) and math.isinf(high):
        low = high = math.nan
    n = margin.n[best]
    more = np.stack([bound[:, list(chosen)].max(-1) for bound in margin.grown().bounds(level)])
    return Condition(
        state=STATES[state],
        as_means=STATES[mean],
        difference=Interval(float(means[best] + margin.threshold), low, high, int(n[n > 0].min())),
        threshold=margin.threshold,
        rate=rates[best],
        more=0.0 if state else _first(side(*more) != 0, [margin]),
    )


def _grown(found: Mapping[int, Margins]) -> dict[int, Margins]:
    return {number: margin.grown() for number, margin in found.items()}


def _supposed(found: Mapping[int, Margins], states: States) -> States:
    """States as if a condition that was not measured held."""
    return {n: state if found[n].measured else np.ones_like(state) for n, state in states.items()}


def _first(settled: NDArray[np.bool_], found: Iterable[Margins]) -> float:
    """The first number of further seeds that settles something."""
    unknown = any(np.isnan(margin.spread).any() for margin in found if margin.measured)
    return math.nan if unknown and not settled.any() else fewest(settled)
