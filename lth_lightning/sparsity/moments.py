"""Moments of training: '500it', '80ep' or 'end'."""

import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple


class Clock(NamedTuple):
    """How long a training is: optimizer steps per epoch and in all (infinite while that is not known)."""

    epoch: float
    total: float


@dataclass(frozen=True)
class Moment:
    """A number of completed optimizer steps ('500it') or epochs ('80ep'), or the end of training ('end').

    Example:
        >>> Moment.parse("2ep").steps(Clock(epoch=391, total=62560))
        782
    """

    count: int
    unit: str

    @classmethod
    @cache  # a schedule asks at every step
    def parse(cls, text: str) -> "Moment":
        """Read a moment.

        Raises:
            ValueError: If it is not written like '500it', '2ep' or 'end'.
        """
        if text == "end":
            return cls(0, "end")
        match = re.fullmatch(r"(\d+)(it|ep)", str(text))
        if match is None:
            raise ValueError(f"a moment of training is written like '500it' or '2ep' (or 'end'), not '{text}'")
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return "end" if self.unit == "end" else f"{self.count}{self.unit}"

    def steps(self, clock: Clock) -> float:
        """Number of completed optimizer steps at this moment, on a training's clock."""
        if self.unit == "end":
            return clock.total
        return self.count * (clock.epoch if self.unit == "ep" else 1) if self.count else 0
