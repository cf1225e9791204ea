"""By how many of the weights of a layer are kept."""

from dataclasses import dataclass
from math import sqrt

from torch import Tensor, nn

from .base import Initialisation


@dataclass(frozen=True)
class LayerScaled(Initialisation):
    """Divide the network's own first weights by the square root of the density of their layer.

    Liu et al., 2019, arXiv:1810.05270, as Evci et al., 2022, arXiv:2010.03533, compare with it: one factor for a layer,
    however many weights its units have left.
    """

    def weight(self, layer: nn.Module, weight: Tensor, kept: Tensor, name: str, seed: int) -> Tensor:
        """The own values, larger; a layer of which nothing is kept has none."""
        return weight / sqrt(max(1, int(kept.sum())) / kept.numel())
