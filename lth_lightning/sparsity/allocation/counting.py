"""Densities as whole numbers of weights, and whole numbers divided over layers."""

import math
from collections.abc import Mapping
from fractions import Fraction


def count(density: float, size: int) -> int:
    """Number of weights that a density keeps: `density * size`, halves rounded up.

    Args:
        density: Share of weights to keep, in (0, 1].
        size: Number of prunable weights.

    Raises:
        ValueError: If the density is outside (0, 1], or keeps no weight at all.

    Example:
        >>> count(0.25, 10)  # not Python's round, which gives 2
        3
    """
    check_density(density)
    kept = math.floor(density * size + 0.5)
    if kept == 0:
        raise ValueError(f"density {density} of {size:,} weights keeps none: ask for at least {1 / size:.2g}")
    return kept


def check_density(density: float) -> None:
    """Raise a ValueError unless 0 < density <= 1."""
    if not 0 < density <= 1:
        raise ValueError(f"density is the share of weights kept, in (0, 1], not {density}")


def shortest_density(kept: int, size: int) -> float:
    """The density of fewest digits that keeps exactly so many weights: what a message tells to ask for.

    Args:
        kept: Number of weights, 0 <= kept <= size.
        size: Number of prunable weights.

    Example:
        >>> shortest_density(2, 3), count(0.7, 3)
        (0.7, 2)
    """
    rounded = (float(f"{kept / size:.{digits}g}") for digits in range(1, 17))
    return next((short for short in rounded if math.floor(short * size + 0.5) == kept), kept / size)


def apportion(shares: Mapping[str, float], total: int, caps: Mapping[str, int]) -> dict[str, int]:
    """Divide a total in proportion to shares, none above its cap, by largest remainders.

    What a capped one cannot take is divided over the others, in proportion again.

    Args:
        shares: Name -> how much of the total it deserves, in any unit.
        total: What to divide, at most the sum of the caps.
        caps: Name -> the most it can take.

    Returns:
        Name -> integer, with the exact sum `total`.

    Raises:
        ValueError: If the total is above the sum of the caps.

    Example:
        >>> apportion({"a": 1.0, "b": 1.0, "c": 2.0}, 9, {"a": 1, "b": 9, "c": 9})
        {'a': 1, 'b': 3, 'c': 5}
    """
    if total > (room_left := sum(caps[name] for name in shares)):
        raise ValueError(f"{total:,} cannot be divided where the caps leave room for {room_left:,}: raise the caps")
    full: set[str] = set()
    exact = {name: Fraction(share) for name, share in shares.items()}  # rounding would decide between equal remainders
    while True:
        free = [name for name in shares if name not in full]
        rest = total - sum(caps[name] for name in full)
        unit = rest / (sum(exact[name] for name in free) or Fraction(1))
        over = {name for name in free if exact[name] * unit > caps[name]}
        if not over:
            break
        full |= over
    budgets = {name: caps[name] if name in full else math.floor(exact[name] * unit) for name in shares}
    while (missing := total - sum(budgets.values())) > 0:
        room = [name for name in shares if budgets[name] < caps[name]]
        room.sort(key=lambda name: budgets[name] - exact[name] * unit)  # stable: the first layer wins a tie
        for name in room[:missing]:
            budgets[name] += 1
    return budgets
