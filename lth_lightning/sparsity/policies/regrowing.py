"""What SET, RigL and their like share: a mask that moves, and keeps its density."""

import math
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from torch import nn

from ..allocation import Scores
from ..dropping import drop_and_grow
from ..mask import Mask
from ..moments import Clock
from ..schedules import Annealing, Cosine
from .base import Now
from .static import Static
from .timetable import Timetable


@dataclass(frozen=True)
class Regrowing(Static):
    """Again and again drops the smallest weights of every layer, and grows as many of the best-scored ones.

    See `drop_and_grow` for the rule. Every layer keeps its number of weights. One that is dropped and grown at once keeps
    its value and its momentum; one that was pruned before starts at zero, without momentum. Unlike in the released
    code, where the mask alone hides them, dropped weights are set to zero: if they come back later it is from there,
    as it is in that code too.
    """

    every: str = "100it"
    begin: str = "0it"
    end: str = "end"
    fraction: float = 0.3
    annealing: Annealing = field(default_factory=Cosine)

    def __post_init__(self) -> None:
        _ = self.timetable
        if not 0 <= self.fraction <= 1:
            raise ValueError(f"fraction is the share of kept weights to exchange, from 0 to 1, not {self.fraction}")

    @cached_property
    def timetable(self) -> Timetable:
        """When the mask moves."""
        return Timetable(self.every, self.begin, self.end)

    def check_clock(self, clock: Clock) -> None:
        """The training is long enough."""
        self.timetable.check(clock)

    def due(self, now: Now) -> bool:
        """Whether it is a step of the timetable."""
        return self.timetable.has(now.step, now.clock)

    @abstractmethod
    def growth(self, net: nn.Module, mask: Mask, now: Now) -> Scores:
        """What makes a weight worth growing: weight name -> score per weight; higher is grown."""

    def moved(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        """The mask after one exchange; where a score is no finite number, as gradients in half precision may be, none.

        Args:
            net: The network.
            mask: The mask before.
            now: The moment.
        """
        end = self.timetable.steps(now.clock)[2]
        share = self.fraction * self.annealing(now.step, end, now.lr)
        if not any(math.floor(kept * share) for kept, _ in mask.layers().values()):
            return mask
        scores = self.growth(net, mask, now)
        if not all(bool(score.isfinite().all()) for score in scores.values()):
            return mask
        weights = {name: net.get_parameter(name) for name in mask}
        return Mask({name: drop_and_grow(weights[name], scores[name], kept, share) for name, kept in mask.items()})

    def tried(self) -> Self:
        """At every step."""
        return replace(self, initial=self.initial.tried(), every="1it", begin="0it", end="end")
