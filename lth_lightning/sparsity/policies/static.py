"""The mask that another policy starts with, for good."""

from dataclasses import dataclass, replace
from typing import Self

from torch import nn

from ..mask import Mask
from ..sample import Draw, nothing
from .base import Policy


@dataclass(frozen=True)
class Static(Policy):
    """Train under the mask that another policy starts with; it never moves. What `SET` and `RigL` are compared with.

    Evci et al., 2022, arXiv:2010.03533, call it "scratch". What the code of Evci et al., 2020, calls "static" is
    something else, which is not here: it sets the smallest weights to zero again and again, and lets them train on.

    Args:
        initial: Gives the mask to start with, such as `AtInit` with random scores, or `Fixed` for a given one.
    """

    initial: Policy

    @property
    def reads_data(self) -> bool:
        """Whether the mask to start with does."""
        return self.initial.reads_data

    @property
    def reads_weights(self) -> bool:
        """Whether the mask to start with does."""
        return self.initial.reads_weights

    def check(self, weights: Mask) -> None:
        """There is a mask to start with."""
        self.initial.check(weights)

    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        """The other policy's."""
        return self.initial.start(net, weights, draw)

    def reseeded(self, seed: int) -> Self:
        """The same with another start."""
        return replace(self, initial=self.initial.reseeded(seed))
