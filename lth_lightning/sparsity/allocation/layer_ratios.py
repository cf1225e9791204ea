"""Densities that are given for each layer, or measured from a mask."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..loading import load_mask
from ..mask import Mask
from .base import Allocation, Budgets, Scores, caps
from .counting import apportion


@dataclass(frozen=True)
class LayerRatios(Allocation):
    """Layers at given densities relative to each other, such as those that another method arrived at.

    Budgets are in proportion to ratio * size; what a full layer cannot take, the others share. A mask measured at
    the density asked for gives its own counts exactly.

    Args:
        ratios: Weight name -> density; or a mask to measure them from, or the path of the `result.pt` of a finished
            training, whose mask is measured. A layer of ratio 0 gets nothing.

    Raises:
        ValueError: If a ratio is outside [0, 1].
    """

    remedy: ClassVar[str] = "layers of ratio 0 get nothing; ask for less, or raise those ratios"

    ratios: Mapping[str, float] | str | Path | Mask

    def __post_init__(self) -> None:
        if isinstance(self.ratios, str | Path | Mask):
            return
        for name, ratio in self.ratios.items():
            if not 0 <= ratio <= 1:
                raise ValueError(f"the ratio of {name} is its density, in [0, 1], not {ratio}")

    def reach(self, mask: Mask) -> tuple[int, int]:
        """Nothing, up to all layers whose ratio is not 0."""
        most = caps(mask)
        return 0, sum(most[name] for name, share in self.shares(mask).items() if share > 0)

    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """Share `total` in proportion to ratio * size, and nothing to layers of ratio 0."""
        shares, most = self.shares(mask), caps(mask)
        return apportion(shares, total, {name: most[name] if shares[name] > 0 else 0 for name in mask})

    def shares(self, mask: Mask) -> dict[str, float]:
        """Name -> number of weights at its ratio, in the mask's order.

        Raises:
            ValueError: If the ratios are not those of exactly the mask's layers.
        """
        ratios = self.measured()
        for name in mask:
            if name not in ratios:
                raise ValueError(f"the ratios lack {name}: give each of the layers {', '.join(mask)}")
        for name in ratios:
            if name not in mask:
                raise ValueError(f"the ratios have {name}, which cannot be pruned here: give only {', '.join(mask)}")
        return {name: ratios[name] * kept.numel() for name, kept in mask.items()}

    def measured(self) -> Mapping[str, float]:
        """Name -> ratio."""
        mask = load_mask(Path(self.ratios)) if isinstance(self.ratios, str | Path) else self.ratios
        return {name: kept / size for name, (kept, size) in mask.layers().items()} if isinstance(mask, Mask) else mask
