"""Magnitude pruning."""

from dataclasses import dataclass

from torch import nn

from ..allocation import Scores
from ..mask import Mask
from .base import Batches, Criterion


@dataclass(frozen=True)
class Magnitude(Criterion):
    """The absolute value |w| of a weight (Han et al., 2015, arXiv:1506.02626)."""

    def __call__(self, net: nn.Module, mask: Mask, batches: Batches = ()) -> Scores:
        """Score the weights by |w|."""
        return {name: net.get_parameter(name).detach().abs() for name in mask}
