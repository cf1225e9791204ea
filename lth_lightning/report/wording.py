"""Numbers as people read them."""

import math
from collections.abc import Iterable

import numpy as np

from .intervals import CONFIDENCE, Interval

EMPTY = "\u2013"  # the dash of an empty table cell
INTERVAL = f"{100 * CONFIDENCE:g} % interval"


def listed(words: Iterable[str]) -> str:
    """Words with commas, and `and` before the last.

    Example:
        >>> listed(["one"]), listed(["one", "two", "three"])
        ('one', 'one, two and three')
    """
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def share(value: float) -> str:
    """A density in percent with three significant digits.

    Example:
        >>> share(0.16777), share(1.0), share(0.000123)
        ('16.8 %', '100 %', '0.0123 %')
    """
    if math.isnan(value):
        return "unknown"
    return f"{np.format_float_positional(100 * value, precision=3, fractional=False, trim='-')} %"


def accuracy(value: float) -> str:
    """An accuracy in percent with two decimals."""
    return "unknown" if math.isnan(value) else f"{100 * value:.2f} %"


def points(value: float) -> str:
    """A difference of two accuracies in percentage points, with its sign.

    Example:
        >>> points(-0.00123), points(0.02), points(-0.00001)
        ('-0.12', '+2.00', '0.00')
    """
    text = f"{100 * value:+.2f}"
    return text[1:] if float(text) == 0 else text


def spread(interval: Interval) -> str:
    """The interval of a difference and how many seeds it comes from.

    Example:
        >>> spread(Interval(0.01, -0.002, 0.022, 3)), spread(Interval(0.01, math.nan, math.nan, 1))
        ('95 % interval -0.20 to +2.20, n = 3 seeds', 'n = 1: no interval')
    """
    if interval.n < 2:
        return f"n = {interval.n}: no interval"
    ends = f"{points(interval.low)} to {points(interval.high)}"
    return f"{INTERVAL} {ends}, n = {interval.n} seeds"


def further(seeds: float) -> str:
    """So many more seeds.

    Example:
        >>> further(1.0), further(7.0), further(math.inf)
        ('about 1 more seed', 'about 7 more seeds', 'more than 100 more seeds')
    """
    return "more than 100 more seeds" if math.isinf(seeds) else f"about {count(int(seeds), 'more seed')}"


def count(number: int, word: str) -> str:
    """A number of things.

    Example:
        >>> count(1, "seed"), count(12, "seed")
        ('1 seed', '12 seeds')
    """
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def plus_minus(interval: Interval) -> str:
    """An accuracy in percent with its interval's half-width.

    Example:
        >>> plus_minus(Interval(0.9712, 0.968, 0.9744, 3)), plus_minus(Interval(0.9712, math.nan, math.nan, 1))
        ('97.12 ± 0.32', '97.12 (no interval)')
    """
    if interval.n == 0:
        return EMPTY
    if interval.n == 1:
        return f"{100 * interval.mean:.2f} (no interval)"
    return f"{100 * interval.mean:.2f} ± {100 * interval.half_width:.2f}"


def duration(seconds: float) -> str:
    """A wall time in its two largest units.

    Example:
        >>> duration(0.84), duration(75), duration(7384)
        ('0.8 s', '1 min 15 s', '2 h 3 min')
    """
    if math.isnan(seconds):
        return EMPTY
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
