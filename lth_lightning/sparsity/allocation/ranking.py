"""The best-scored weights of a tensor, `largest`, and of all layers together, `Global`."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..mask import Mask
from .base import Allocation, Budgets, Scores, caps


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
    threshold = _kth(scores, scores.numel() - k)
    chosen = scores > threshold
    ties = (scores == threshold).nonzero().flatten()
    chosen[ties[: k - int(chosen.count_nonzero())]] = True
    return chosen


def _kth(scores: Tensor, place: int) -> float:
    """The value that has a place in ascending order; NumPy finds it ten times as fast as torch on a CPU."""
    if scores.device.type == "cpu" and scores.dtype != torch.bfloat16:
        return float(np.partition(scores.detach().numpy(), place)[place])
    return float(scores.kthvalue(place + 1).values)


@dataclass(frozen=True)
class Global(Allocation):
    """One ranking over all layers: the best-scored weights are kept, wherever they are."""

    def budgets(self, scores: Scores, total: int, mask: Mask) -> Budgets:
        """Count, per tensor, the entries among the `total` best of all."""
        flat = torch.cat([scores[name].flatten()[mask[name].flatten()] for name in mask])
        parts = torch.split(largest(flat, total), list(caps(mask).values()))
        return {name: int(part.count_nonzero()) for name, part in zip(mask, parts, strict=True)}
