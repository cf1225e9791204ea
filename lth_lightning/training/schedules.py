"""Learning-rate schedules, stepped once per optimizer step, with milestones written as moments."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..sparsity import Clock, Moment


class LearningRateSchedule(ABC):
    """The factor on the base learning rate, as a function of the number of completed optimizer steps."""

    warmup: str

    def factor(self, step: int, clock: Clock) -> float:
        """The factor for the step that comes after `step` completed ones.

        Warm-up is linear from 0 and multiplies the schedule: min(1, step / warm-up), so that the very first step
        has learning rate 0 (Frankle et al., 2020, arXiv:1912.05671). After the end the last step's factor holds.
        """
        step = min(step, int(clock.total) - 1) if math.isfinite(clock.total) else step
        ramp = Moment.parse(self.warmup).steps(clock)
        return (min(1.0, step / ramp) if ramp else 1.0) * self.decay(step, clock)

    @abstractmethod
    def decay(self, step: int, clock: Clock) -> float:
        """The factor without warm-up."""


@dataclass(frozen=True)
class Constant(LearningRateSchedule):
    """The base learning rate throughout.

    Args:
        warmup: Length of the linear warm-up, such as '5ep' or '30000it'.
    """

    warmup: str = "0it"

    def __post_init__(self) -> None:
        Moment.parse(self.warmup)

    def decay(self, step: int, clock: Clock) -> float:
        """One."""
        return 1.0


@dataclass(frozen=True)
class Milestones(LearningRateSchedule):
    """The base learning rate, multiplied by gamma at each milestone.

    Args:
        milestones: Moments at which the rate drops, such as ['80ep', '120ep'].
        gamma: The factor of each drop.
        warmup: Length of the linear warm-up, such as '5ep' or '30000it'.
    """

    milestones: Sequence[str] = field(default_factory=list)
    gamma: float = 0.1
    warmup: str = "0it"

    def __post_init__(self) -> None:
        for moment in (*self.milestones, self.warmup):
            Moment.parse(moment)

    def decay(self, step: int, clock: Clock) -> float:
        """Gamma to the number of milestones passed."""
        return float(self.gamma ** sum(step >= Moment.parse(text).steps(clock) for text in self.milestones))


@dataclass(frozen=True)
class Cosine(LearningRateSchedule):
    """Half a cosine from the base learning rate down to a share of it (Loshchilov & Hutter, 2017, arXiv:1608.03983).

    Args:
        end: The factor that the cosine ends at.
        warmup: Length of the linear warm-up, such as '5ep' or '30000it'.
    """

    end: float = 0.0
    warmup: str = "0it"

    def __post_init__(self) -> None:
        Moment.parse(self.warmup)

    def decay(self, step: int, clock: Clock) -> float:
        """Cosine over the whole training, warm-up included."""
        return self.end + (1 - self.end) * (1 + math.cos(math.pi * step / clock.total)) / 2
