"""Gradual pruning while training."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from torch import nn

from ..allocation import Allocation, Uniform, check_density, count
from ..criteria import Criterion, Magnitude
from ..mask import Mask
from ..moments import Clock
from ..sample import Draw, nothing
from ..schedules import Cubic
from ..selection import prune
from .base import Now, Policy
from .timetable import Timetable


@dataclass(frozen=True)
class Gradual(Policy):
    """Prune little by little while training, by a cubic schedule (Zhu & Gupta, 2017, arXiv:1710.01878).

    After the steps begin, begin + every... and end, `Cubic` says how many weights are kept. What was pruned stays so:
    pruned weights are zero, so that by magnitude they would not come back in the released code either.

    Args:
        density: Share of the prunable weights to keep in the end, in (0, 1].
        every: How often weights are pruned, such as '100it' or '1ep'.
        begin: The moment from which.
        end: The moment at which the density is reached.
        initial_density: The density up to the beginning.
        criterion: What makes a weight worth keeping; one that reads no training images.
        allocation: How each density is divided over the layers: `Uniform` as published, or `Global`.

    Raises:
        ValueError: If a density is outside (0, 1] or the last above the first, a moment is misspelt, the end is before
            the beginning, or the criterion reads training images.
    """

    density: float
    every: str = "100it"
    begin: str = "0it"
    end: str = "end"
    initial_density: float = 1.0
    criterion: Criterion = field(default_factory=Magnitude)
    allocation: Allocation = field(default_factory=Uniform)

    def __post_init__(self) -> None:
        check_density(self.density)
        check_density(self.initial_density)
        if self.density > self.initial_density:
            raise ValueError(
                f"density is {self.density}, above initial_density, {self.initial_density}: "
                "gradual pruning brings no weights back, so begin with more"
            )
        _ = self.timetable
        if self.criterion.reads_data:
            raise ValueError(
                f"{type(self.criterion).__name__} scores by training images, which gradual pruning does not read: "
                "choose Magnitude, or another criterion without data"
            )

    @property
    def reads_data(self) -> bool:
        """It does not."""
        return False

    @property
    def reads_weights(self) -> bool:
        """Whether it starts with less than all, by a criterion that does."""
        return self.initial_density < 1 and self.criterion.reads_weights

    @cached_property
    def timetable(self) -> Timetable:
        """When weights are pruned."""
        return Timetable(self.every, self.begin, self.end)

    def check(self, weights: Mask) -> None:
        """The allocation reaches both densities."""
        for density in (self.initial_density, self.density):
            self.allocation.total(density, weights)

    def check_clock(self, clock: Clock) -> None:
        """The training is long enough."""
        self.timetable.check(clock)

    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        """The initial density."""
        return self._pruned(net, weights, self.initial_density)

    def due(self, now: Now) -> bool:
        """Whether it is a step of the timetable, or its end."""
        return self.timetable.has(now.step, now.clock) or now.step == self.timetable.steps(now.clock)[2]

    def after(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        """Prune to what the schedule says."""
        _, begin, end = self.timetable.steps(now.clock)
        return self._pruned(net, mask, Cubic(self.initial_density, self.density)(now.step, begin, end))

    def reseeded(self, seed: int) -> Self:
        """The same policy with its criterion's draws for this replicate."""
        return replace(self, criterion=self.criterion.reseeded(seed))

    def tried(self) -> Self:
        """After every step."""
        return replace(self, every="1it", begin="0it", end="end")

    def _pruned(self, net: nn.Module, mask: Mask, density: float) -> Mask:
        if count(density, mask.size) == mask.kept:
            return mask
        return prune(self.criterion(net, mask, ()), density, self.allocation, within=mask)
