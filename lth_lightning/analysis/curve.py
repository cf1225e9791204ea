"""What rises on the line between two networks: `alphas` to look at, the `Curve` there, and its `barrier`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .statistics import Statistics


@dataclass(frozen=True)
class Curve:
    """What the networks on a line from one to another are worth.

    Attributes:
        alphas: Where on the line, 0 (one) to 1 (the other).
        loss: Mean cross-entropy at each, in nats.
        error: Share of examples that each classifies wrongly, 0..1.
        statistics: By what batch norm normalised.
    """

    alphas: tuple[float, ...]
    loss: tuple[float, ...]
    error: tuple[float, ...]
    statistics: Statistics


def alphas(number: int, where: Literal["ends", "middles"] = "ends") -> tuple[float, ...]:
    """Evenly spaced places on the line between two networks.

    Args:
        number: How many; 30 in Frankle et al. (2020, arXiv:1912.05671), 20 in Maene et al. (2021, arXiv:2106.06955).
        where: 'ends' for i / (number - 1), from 0 to 1; 'middles' for (i + 1/2) / number, of equal parts of the line,
            at which the curves of Frankle et al. on CIFAR-10 are drawn.

    Raises:
        ValueError: If the number is too small, or there are no such places.

    Example:
        >>> alphas(3), alphas(2, "middles")
        ((0.0, 0.5, 1.0), (0.25, 0.75))
    """
    if where not in ("ends", "middles"):
        raise ValueError(f"alphas are at the 'ends' or 'middles' of the parts of a line, not {where!r}")
    if number < (least := 2 if where == "ends" else 1):
        raise ValueError(f"a line has at least {least} alphas at its {where}, not {number}")
    if where == "ends":
        return tuple(i / (number - 1) for i in range(number))
    return tuple((i + 0.5) / number for i in range(number))


def barrier(values: Sequence[float], ends: tuple[float, float]) -> float:
    """How far errors or losses rise on a line above the mean of its ends (Frankle et al., 2020, arXiv:1912.05671).

    max(values) - (ends[0] + ends[1]) / 2, in the unit of the values. Of errors it is the linear interpolation
    instability; networks are called stable below 0.02.

    Args:
        values: Along the line; the ends count for the maximum only if they are among these, so that between 'middles'
            it can be below zero.
        ends: Of the two networks themselves.

    Raises:
        ValueError: If there are no values.

    Example:
        >>> barrier([0.125, 0.5, 0.25], ends=(0.125, 0.25))
        0.3125
    """
    if not values:
        raise ValueError("there are no values along the line, so no barrier: evaluate at least one alpha")
    return max(values) - (ends[0] + ends[1]) / 2
