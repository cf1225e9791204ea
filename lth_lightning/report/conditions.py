"""What conditions about winning tickets amount to: none, the secondary prize or the jackpot.

Conditions are numbered as by Ma et al. (2021, arXiv:2107.00166); a state is +1 (holds), -1 (fails) or 0 (open). Arrays
may have leading axes `...`, for many tables at once.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .intervals import NOISE
from .margins import Array, Margins, against_all, margins, side

Answer = Literal["jackpot", "secondary prize", "no ticket", "cannot tell"]
RANKED: tuple[Answer, ...] = ("no ticket", "secondary prize", "jackpot")
States = Mapping[int, NDArray[np.int_]]
Span = tuple[NDArray[np.int_], NDArray[np.int_]]


def evidence(
    tickets: Array, dense: Array, reinitialised: Array, small: Array, same: Array, *, tolerance: float, gap: float
) -> dict[int, Margins]:
    """The margins of conditions 2 to 5 at every learning rate of tickets.

    Args:
        tickets: Accuracies `(..., L, seeds)`, as all that follow; NaN where there is none.
        dense: Of dense networks at any of their learning rates.
        reinitialised: Of reinitialised tickets at any of their learning rates.
        small: Of small dense networks at any of their learning rates.
        same: Of dense networks at the learning rates of the tickets.
        tolerance: How far below dense networks tickets count as similar.
        gap: How far above their controls tickets have to be.
    """
    return {
        2: against_all(tickets, small, gap),
        3: against_all(tickets, reinitialised, gap),
        4: margins((tickets - same)[..., :, None, :], -tolerance),
        5: against_all(tickets, dense, -tolerance),
    }


def literal(found: Mapping[int, Margins], level: float) -> States:
    """States of conditions 2 to 5 `(...)`, each at the learning rate that suits it best."""
    bounds = {number: margin.bounds(level) for number, margin in found.items()}
    return {number: side(low.max(-1), high.max(-1)) for number, (low, high) in bounds.items()}


def strict(found: Mapping[int, Margins], level: float) -> States:
    """States of conditions 3 to 5 at every single learning rate of tickets `(..., L)`; condition 2 at the best."""
    anywhere = literal({2: found[2]}, level)[2][..., None]
    return {2: anywhere} | {number: side(*found[number].bounds(level)) for number in (3, 4, 5)}


def literal_means(found: Mapping[int, Margins]) -> States:
    """As `literal`, from means alone."""
    return {number: _sign(np.fmax.reduce(margin.lowest(), -1), margin) for number, margin in found.items()}


def strict_means(found: Mapping[int, Margins]) -> States:
    """As `strict`, from means alone."""
    anywhere = literal_means({2: found[2]})[2][..., None]
    return {2: anywhere} | {number: _sign(found[number].lowest(), found[number]) for number in (3, 4, 5)}


def span(first: int, states: States) -> Span:
    """The least and the most that tickets may be: 0 no ticket, 1 the secondary prize, 2 the jackpot.

    Both can only rise when a state does. A jackpot needs all five conditions; the secondary prize needs the first four.

    Args:
        first: State of condition 1.
        states: Those of conditions 2 to 5.
    """
    needed = np.minimum.reduce(np.broadcast_arrays(first, states[2], states[3], states[4]))
    least = np.where(needed > 0, np.where(states[5] > 0, 2, 1), 0)
    most = np.where(needed < 0, 0, np.where(states[5] < 0, 1, 2))
    return least, most


def answer(least: int, most: int) -> Answer:
    """The verdict in words.

    Example:
        >>> answer(2, 2), answer(1, 2)
        ('jackpot', 'cannot tell')
    """
    return RANKED[least] if least == most else "cannot tell"


def _sign(mean: Array, margin: Margins) -> NDArray[np.int_]:
    """A gap has to be exceeded, a tolerance may be reached; rounding decides neither. NaN is open."""
    above = mean - (NOISE if margin.threshold >= 0 else -NOISE)
    return np.where(above > 0, 1, np.where(above <= 0, -1, 0))
