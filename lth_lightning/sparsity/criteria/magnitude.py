"""Magnitude pruning."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from ..allocation import Scores
from ..mask import Mask
from ..sample import Batches
from .base import Criterion


@dataclass(frozen=True)
class Magnitude(Criterion):
    """The absolute value |w| of a weight (Han et al., 2015, arXiv:1506.02626)."""

    reads_data: ClassVar[bool] = False

    def __call__(self, net: nn.Module, mask: Mask, batches: Batches = ()) -> Scores:
        """Score the weights by |w|."""
        return {name: net.get_parameter(name).detach().abs() for name in mask}
