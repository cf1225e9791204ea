"""The same density in every layer."""

from dataclasses import dataclass
from typing import ClassVar

from ..mask import Mask
from .base import Allocation, Budgets, Scores, caps
from .counting import apportion


@dataclass(frozen=True)
class Uniform(Allocation):
    """Every layer at the same density, up to the one weight that makes the sum exact.

    Args:
        dense_first: Whether the first layer keeps all its weights and the others share the rest, each alike.
    """

    remedy: ClassVar[str] = "the first layer stays dense; ask for more, or give dense_first=False"

    dense_first: bool = False

    def reach(self, mask: Mask) -> tuple[int, int]:
        """What a dense first layer needs, up to what the mask keeps."""
        least = next(iter(caps(mask).values())) if self.dense_first else 0
        return least, mask.kept

    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """Share `total` in proportion to the layers' sizes."""
        most = caps(mask)
        dense = dict(list(most.items())[: 1 if self.dense_first else 0])
        sizes = {name: float(size) for name, (_, size) in mask.layers().items() if name not in dense}
        return dense | apportion(sizes, total - sum(dense.values()), most)
