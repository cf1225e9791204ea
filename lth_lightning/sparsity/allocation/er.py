"""Erdős-Rényi densities."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .erk import ERK


@dataclass(frozen=True)
class ER(ERK):
    """Erdős-Rényi: a layer's density is in proportion to (out + in) / (out * in), whatever its kernel.

    Everything else is as in `ERK` (Mocanu et al., 2018, arXiv:1707.04780).

    Args:
        power: To which that ratio is raised: 1 as published, 0 for the same density in every layer.
        dense: Shell-style patterns of the names of weights that are all kept, such as ['*.conv1.weight'].
    """

    def edges(self, shape: Sequence[int]) -> int:
        """Size * ratio: the sum of the channels, at every place of the kernel."""
        return sum(shape[:2]) * math.prod(shape[2:])
