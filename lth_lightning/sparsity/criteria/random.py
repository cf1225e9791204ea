"""Random pruning."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import nn

from ..allocation import Scores
from ..mask import Mask
from ..sample import Batches
from ..seeds import generator, mix
from .base import Criterion


@dataclass(frozen=True)
class Random(Criterion):
    """Independent uniform scores: `prune` then draws an exact number of weights without replacement.

    Args:
        seed: Names the draw; the same seed gives the same scores, on every device.
    """

    seed: int = 0
    reads_data: ClassVar[bool] = False
    reads_weights: ClassVar[bool] = False

    def __call__(self, net: nn.Module, mask: Mask, batches: Batches = ()) -> Scores:
        """Score the weights at random."""
        draws = generator("random scores", self.seed)
        # float64: with float32 a layer of millions of weights has many equal scores, which index order would decide
        return {
            name: torch.rand(kept.shape, generator=draws, dtype=torch.float64).to(kept.device)
            for name, kept in mask.items()
        }

    def reseeded(self, seed: int) -> Self:
        """The same criterion with a draw of its own for this replicate."""
        return replace(self, seed=mix("replicate", self.seed, seed))
