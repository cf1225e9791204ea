"""What every allocation is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from ..mask import Mask
from .counting import count, shortest_density

Scores = Mapping[str, Tensor]
Budgets = dict[str, int]


class Allocation(ABC):
    """(scores, density, mask) -> a budget per tensor.

    Law: the budgets sum to exactly `count(density, mask.size)`, and each lies between 0 and what the mask keeps.
    """

    remedy: ClassVar[str] = "ask for another density"
    """What to do about a density that is out of reach although the mask keeps enough; the end of a sentence."""

    def __call__(self, scores: Scores, density: float, mask: Mask) -> Budgets:
        """Divide the density.

        Args:
            scores: Weight name -> score per weight; higher is kept.
            density: Share of all prunable weights (kept by the mask or not) to keep.
            mask: What may be kept.

        Raises:
            ValueError: If the density is out of this allocation's reach within the mask; it says what can be reached.
        """
        return self.budgets(scores, self.total(density, mask), mask)

    def total(self, density: float, mask: Mask) -> int:
        """The number of weights that a density asks for.

        Raises:
            ValueError: If it is out of this allocation's reach within the mask.
        """
        total = count(density, mask.size)
        least, most = self.reach(mask)
        if not least <= total <= most:
            bound, side = (least, "fewer") if total < least else (most, "more")
            limit = f"than {bound:,} (density {shortest_density(bound, mask.size)})"
            asks = f"density {density} asks for {total:,} weights"
            if total > bound == mask.kept:
                raise ValueError(f"{asks}, but no {side} {limit} are left: pruning cannot bring weights back")
            raise ValueError(f"{asks}, but {type(self).__name__} can keep no {side} {limit} here: {self.advice(mask)}")
        return total

    def advice(self, mask: Mask) -> str:
        """What to do about a density that is out of reach within this mask: `remedy`, or something more exact."""
        return self.remedy

    def reach(self, mask: Mask) -> tuple[int, int]:
        """The fewest and the most weights that it can keep within the mask."""
        return 0, mask.kept

    @abstractmethod
    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """Divide exactly `total` weights, a number within reach, over the tensors."""


def caps(mask: Mask) -> Budgets:
    """Weight name -> the most that can be kept of it."""
    return {name: kept for name, (kept, _) in mask.layers().items()}
