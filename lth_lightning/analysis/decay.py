"""Whether something falls exponentially or as a power: `decay`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

FEWEST = 3  # points, of which a line can be a good or a bad description


@dataclass(frozen=True)
class Decay:
    """Two laws fitted to the same points, by least squares of the logarithm.

    Attributes:
        rate: lambda of D = C exp(-lambda n); above 0 where it falls.
        rate_scale: C of this law.
        rate_r2: The share of the variance of log D that it explains, 0..1.
        power: p of D = C n^-p; above 0 where it falls.
        power_scale: C of this law.
        power_r2: The share that it explains.
        points: How many points they were fitted to.
    """

    rate: float
    rate_scale: float
    rate_r2: float
    power: float
    power_scale: float
    power_r2: float
    points: int

    @property
    def exponential(self) -> bool:
        """Whether the exponential law explains more."""
        return self.rate_r2 > self.power_r2


def decay(numbers: Sequence[float], values: Sequence[float], floor: float = 0.0) -> Decay | None:
    """How values fall with a number: the slopes of log D against n, and against log n.

    Args:
        numbers: n, above 0.
        values: D at each.
        floor: Values up to here are noise and left out.

    Returns:
        Both laws; None if fewer than three different numbers have a value above the floor.

    Example:
        >>> law = decay([1, 2, 3, 4], [1, 1 / 4, 1 / 9, 1 / 16])
        >>> round(law.power, 9), round(law.power_r2, 9), law.exponential
        (2.0, 1.0, False)
    """
    kept = [(float(n), math.log(value)) for n, value in zip(numbers, values, strict=True) if value > max(floor, 0.0)]
    if len({n for n, _ in kept}) < FEWEST:
        return None
    logs = [log for _, log in kept]
    rate, rate_scale, rate_r2 = _line([n for n, _ in kept], logs)
    power, power_scale, power_r2 = _line([math.log(n) for n, _ in kept], logs)
    return Decay(-rate, rate_scale, rate_r2, -power, power_scale, power_r2, len(kept))


def _line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """The least squares' line: slope, exp of its value at 0, and its share of the variance (1 if there is none)."""
    mean_x, mean_y = fmean(x), fmean(y)
    xx = math.fsum((each - mean_x) ** 2 for each in x)
    yy = math.fsum((each - mean_y) ** 2 for each in y)
    xy = math.fsum((one - mean_x) * (other - mean_y) for one, other in zip(x, y, strict=True))
    slope = xy / xx
    return slope, math.exp(mean_y - slope * mean_x), xy**2 / (xx * yy) if yy > 0 else 1.0
