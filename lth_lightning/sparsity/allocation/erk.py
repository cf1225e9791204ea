"""Erdős-Rényi-Kernel densities."""

from dataclasses import dataclass

from ..mask import Mask
from .base import Allocation, Budgets, Scores, caps
from .counting import apportion


@dataclass(frozen=True)
class ERK(Allocation):
    """Erdős-Rényi-Kernel: a layer's density is in proportion to (out + in + kh + kw) / (out * in * kh * kw).

    So its budget is in proportion to the sum of its weight's dimensions. A layer that this would fill beyond its size
    is dense, and the others share what it cannot take. Small layers, and first and last ones, stay the densest.
    Source: Evci et al., 2020, arXiv:1911.11134, after Mocanu et al., 2018, arXiv:1707.04780.
    """

    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """Share `total` in proportion to the sums of the weights' dimensions."""
        return apportion({name: float(sum(kept.shape)) for name, kept in mask.items()}, total, caps(mask))
