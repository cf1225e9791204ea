"""How a density is divided over the layers: from scores to an integer budget per tensor."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .mask import Mask

Scores = Mapping[str, Tensor]
Budgets = dict[str, int]


def count(density: float, size: int) -> int:
    """Number of weights that a density keeps: `density * size`, halves rounded up.

    Args:
        density: Share of weights to keep, in (0, 1].
        size: Number of prunable weights.

    Raises:
        ValueError: If the density is outside (0, 1], or keeps no weight at all.

    Example:
        >>> count(0.25, 10)  # not Python's round, which gives 2
        3
    """
    check_density(density)
    kept = math.floor(density * size + 0.5)
    if kept == 0:
        raise ValueError(f"density {density} of {size:,} weights keeps none: ask for at least {1 / size:.2g}")
    return kept


def check_density(density: float) -> None:
    """Raise a ValueError unless 0 < density <= 1."""
    if not 0 < density <= 1:
        raise ValueError(f"density is the share of weights kept, in (0, 1], not {density}")


def largest(scores: Tensor, k: int) -> Tensor:
    """Which k entries of a flat tensor are largest; among equals, those of lower index.

    Args:
        scores: (N,) scores.
        k: Number of entries, 0 <= k <= N.

    Returns:
        (N,) bool, exactly k of them True.
    """
    if k == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    threshold = scores.kthvalue(scores.numel() - k + 1).values
    chosen = scores > threshold
    ties = (scores == threshold).nonzero().flatten()
    chosen[ties[: k - int(chosen.sum())]] = True
    return chosen


class Allocation(ABC):
    """(scores, density, mask) -> a budget per tensor.

    Law: the budgets sum to exactly `count(density, mask.size)`, and each lies between 0 and what the mask keeps.
    """

    def __call__(self, scores: Scores, density: float, mask: Mask) -> Budgets:
        """Divide the density.

        Args:
            scores: Weight name -> score per weight; higher is kept.
            density: Share of all prunable weights (kept by the mask or not) to keep.
            mask: What may be kept.

        Raises:
            ValueError: If the mask keeps fewer weights than the density asks for.
        """
        total = count(density, mask.size)
        if total > mask.kept:
            raise ValueError(
                f"density {density} asks for {total:,} weights, but only {mask.kept:,} are left "
                f"(density {mask.density:.6f}): pruning cannot bring weights back"
            )
        return self.budgets(scores, total, mask)

    @abstractmethod
    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """Divide exactly `total` weights over the tensors."""


@dataclass(frozen=True)
class Global(Allocation):
    """One ranking over all layers: the best-scored weights are kept, wherever they are."""

    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """Count, per tensor, the entries among the `total` best of all."""
        flat = torch.cat([scores[name][mask[name]].flatten() for name in mask])
        parts = torch.split(largest(flat, total), [kept for kept, _ in mask.layers().values()])
        return {name: int(part.sum()) for name, part in zip(mask, parts, strict=True)}


@dataclass(frozen=True)
class Uniform(Allocation):
    """Every layer at the same density, up to the one weight that makes the sum exact."""

    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """Share `total` in proportion to the layers' sizes."""
        layers = mask.layers()
        return apportion(
            {name: float(size) for name, (_, size) in layers.items()},
            total,
            {name: kept for name, (kept, _) in layers.items()},
        )


def apportion(shares: Mapping[str, float], total: int, caps: Mapping[str, int]) -> Budgets:
    """Divide a total in proportion to shares, none above its cap, by largest remainders.

    What a capped one cannot take is divided over the others, in proportion again.

    Args:
        shares: Name -> how much of the total it deserves, in any unit.
        total: What to divide, at most the sum of the caps.
        caps: Name -> the most it can take.

    Returns:
        Name -> integer, with the exact sum `total`.

    Example:
        >>> apportion({"a": 1.0, "b": 1.0, "c": 2.0}, 9, {"a": 1, "b": 9, "c": 9})
        {'a': 1, 'b': 3, 'c': 5}
    """
    full: set[str] = set()
    while True:
        free = [name for name in shares if name not in full]
        rest = total - sum(caps[name] for name in full)
        unit = rest / (sum(shares[name] for name in free) or 1.0)
        over = {name for name in free if shares[name] * unit > caps[name]}
        if not over:
            break
        full |= over
    budgets = {name: caps[name] if name in full else math.floor(shares[name] * unit) for name in shares}
    while (missing := total - sum(budgets.values())) > 0:
        room = [name for name in shares if budgets[name] < caps[name]]
        room.sort(key=lambda name: budgets[name] - shares[name] * unit)  # stable: the first layer wins a tie
        for name in room[:missing]:
            budgets[name] += 1
    return budgets
