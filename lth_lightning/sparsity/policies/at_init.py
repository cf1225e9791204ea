"""Pruning at initialisation."""

from dataclasses import dataclass, field, replace
from typing import Self

from torch import nn

from ..allocation import Allocation, Global, check_density
from ..criteria import Criterion, Magnitude
from ..mask import Mask
from ..sample import Draw, Sample, nothing
from ..selection import prune_in_steps
from .base import Policy


@dataclass(frozen=True)
class AtInit(Policy):
    """Prune once, before the first step; the mask then stays.

    Args:
        density: Share of the prunable weights to keep, in (0, 1].
        criterion: What makes a weight worth keeping.
        allocation: How the density is divided over the layers.
        steps: Number of exponential steps to prune in, each scored under the mask of the one before.
        sample: The training images that the criterion scores by, if it looks at any.

    Raises:
        ValueError: If the density is outside (0, 1], or `steps` below 1.
    """

    density: float
    criterion: Criterion = field(default_factory=Magnitude)
    allocation: Allocation = field(default_factory=Global)
    steps: int = 1
    sample: Sample = field(default_factory=Sample)

    def __post_init__(self) -> None:
        check_density(self.density)
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}: a network is pruned in at least one step")

    @property
    def reads_data(self) -> bool:
        """Whether the criterion does."""
        return self.criterion.reads_data

    @property
    def reads_weights(self) -> bool:
        """Whether the criterion does."""
        return self.criterion.reads_weights

    def check(self, weights: Mask) -> None:
        """The allocation reaches the density."""
        self.allocation.total(self.density, weights)

    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        """Score the untrained weights and keep the best."""
        batches = draw(self.sample)
        return prune_in_steps(net, self.density, self.criterion, self.allocation, batches, weights, self.steps)

    def reseeded(self, seed: int) -> Self:
        """The same policy with its criterion's draws for this replicate."""
        return replace(self, criterion=self.criterion.reseeded(seed))
