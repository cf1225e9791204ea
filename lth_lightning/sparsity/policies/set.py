"""Sparse evolutionary training."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import nn

from ..allocation import Scores
from ..mask import Mask
from ..seeds import generator, mix
from .base import Now
from .regrowing import Regrowing


@dataclass(frozen=True)
class SET(Regrowing):
    """Sparse evolutionary training: drops the smallest weights, grows at random (Mocanu et al., 2018, arXiv:1707.04780).

    As Evci et al., 2020, arXiv:1911.11134, have it: the mask moves after the optimizer's step, by `drop_and_grow`,
    which may grow again what was just dropped; Mocanu et al. drop as many positive as negative weights, at the end of
    every epoch, a constant share. The released code also moves it after the very first step; here the first time is
    after one period, or at `begin`.

    Args:
        initial: Gives the mask to start with, such as `AtInit` with random scores and the allocation ERK.
        every: How often the mask moves, such as '100it' or '1ep'.
        begin: The moment from which it moves.
        end: The last moment at which it may.
        fraction: Share of each layer's kept weights that is exchanged at first.
        annealing: How that share falls: `Cosine`, `Constant`, `LikeLearningRate`.
        seed: Names the draws; each is a function of the seed, the step and the layer.

    Raises:
        ValueError: If a moment is misspelt, the end is before the beginning, or `fraction` is outside [0, 1].
    """

    seed: int = 0

    def after(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        """Exchange weights."""
        return self.moved(net, mask, now)

    def growth(self, net: nn.Module, mask: Mask, now: Now) -> Scores:
        """Uniform random numbers."""
        return {
            name: torch.rand(
                kept.shape, generator=generator(f"SET/{name}", self.seed, now.step), dtype=torch.float64
            ).to(kept.device)
            for name, kept in mask.items()
        }

    def reseeded(self, seed: int) -> Self:
        """The same with another start and other draws."""
        return replace(super().reseeded(seed), seed=mix("replicate", self.seed, seed))
