"""Pruning at initialisation."""

from dataclasses import dataclass, field, replace
from typing import Self

from torch import nn

from ..allocation import Allocation, Global, check_density
from ..criteria import Criterion, Magnitude
from ..mask import Mask
from ..selection import prune
from .base import Policy


@dataclass(frozen=True)
class AtInit(Policy):
    """Prune once, before the first step; the mask then stays.

    Args:
        density: Share of the prunable weights to keep, in (0, 1].
        criterion: What makes a weight worth keeping.
        allocation: How the density is divided over the layers.

    Raises:
        ValueError: If the density is outside (0, 1].
    """

    density: float
    criterion: Criterion = field(default_factory=Magnitude)
    allocation: Allocation = field(default_factory=Global)

    def __post_init__(self) -> None:
        check_density(self.density)

    def start(self, net: nn.Module, weights: Mask) -> Mask:
        """Score the untrained weights and keep the best."""
        return prune(self.criterion(net, weights, ()), self.density, self.allocation, within=weights)

    def reseeded(self, seed: int) -> Self:
        """The same policy with its criterion's draws for this replicate."""
        return replace(self, criterion=self.criterion.reseeded(seed))
