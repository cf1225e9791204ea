"""How many more seeds would settle something, if means and spreads stayed as they are."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .intervals import CONFIDENCE, NOISE, Interval

MORE = np.arange(101)  # further seeds that are looked at: whoever needs over 100 has no answer to wait for
Settled = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


def fewest(settled: NDArray[np.bool_]) -> float:
    """The first of 0, 1, ... 100 further seeds that settles something; infinity where none does.

    Example:
        >>> fewest(np.array([False, False, True])), fewest(np.array([False]))
        (2.0, inf)
    """
    return float(settled.argmax()) if settled.any() else math.inf


def more_seeds(interval: Interval, settled: Settled) -> float:
    """How many more seeds would settle what an interval leaves open.

    Args:
        interval: Student's t interval of a mean over seeds.
        settled: Whether lower and upper ends settle it.

    Returns:
        A number of seeds; infinity for more than 100; NaN where the spread is unknown.
    """
    if interval.n < 2 or interval.high - interval.low <= NOISE:
        return math.nan
    spread = interval.half_width * math.sqrt(interval.n) / stats.t.ppf((1 + CONFIDENCE) / 2, interval.n - 1)
    seeds = interval.n + MORE
    half = stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1) * spread / np.sqrt(seeds)
    return fewest(settled(interval.mean - half, interval.mean + half))
