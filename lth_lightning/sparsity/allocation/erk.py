"""Erdős-Rényi-Kernel densities."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..mask import Mask
from .base import Allocation, Budgets, Scores, caps
from .counting import apportion


@dataclass(frozen=True)
class ERK(Allocation):
    """Erdős-Rényi-Kernel: a layer's density is in proportion to (out + in + kh + kw) / (out * in * kh * kw).

    So its budget is in proportion to the sum of its weight's dimensions. A layer that this would fill beyond its size
    is dense, and the others share what it cannot take. Small layers, and first and last ones, stay the densest.
    Source: Evci et al., 2020, arXiv:1911.11134, after Mocanu et al., 2018, arXiv:1707.04780.

    Args:
        power: To which that ratio is raised: 1 as published, 0 for the same density in every layer.
        dense: Shell-style patterns of the names of weights that are all kept, such as ['*.conv1.weight'].

    Raises:
        ValueError: If `power` is negative or not finite.
    """

    power: float = 1.0
    dense: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.power < math.inf:
            raise ValueError(f"power is {self.power}: give 1 for the published densities, 0 for uniform ones")

    def full(self, mask: Mask) -> Budgets:
        """Name -> what the mask keeps, of the weights that `dense` names.

        Raises:
            ValueError: If a pattern matches no weight.
        """
        for pattern in self.dense:
            if not any(fnmatchcase(name, pattern) for name in mask):
                raise ValueError(f"dense has the pattern '{pattern}', which matches none of {', '.join(mask)}")
        return {name: most for name, most in caps(mask).items() if any(fnmatchcase(name, each) for each in self.dense)}

    def advice(self, mask: Mask) -> str:
        """Names the layers that are full."""
        if not (full := self.full(mask)):
            return super().advice(mask)
        return f"{', '.join(full)} stay{'s' * (len(full) == 1)} full; ask for more, or shorten `dense`"

    def reach(self, mask: Mask) -> tuple[int, int]:
        """What the dense layers need, up to what the mask keeps."""
        return sum(self.full(mask).values()), mask.kept

    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """Share what dense layers leave of `total` by size * ratio ** power."""
        full = self.full(mask)
        shares = {
            name: kept.numel() ** (1 - self.power) * float(self.edges(kept.shape)) ** self.power
            for name, kept in mask.items()
            if name not in full
        }
        found = full | apportion(shares, total - sum(full.values()), caps(mask))
        return {name: found[name] for name in mask}

    def edges(self, shape: Sequence[int]) -> int:
        """Size * ratio, what a weight of this shape deserves at power 1."""
        return sum(shape)
