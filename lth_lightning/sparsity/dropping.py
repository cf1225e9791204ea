"""The rule by which sparse training exchanges weights: drop the smallest of a layer, grow as many elsewhere."""

import math

import torch
from torch import Tensor

from .allocation import largest


@torch.no_grad()
def drop_and_grow(weight: Tensor, growth: Tensor, kept: Tensor, fraction: float) -> Tensor:
    """Drop a share of a layer's kept weights, the smallest, and grow as many of the best-scored others.

    Of n kept weights floor(n * fraction) are dropped. All that are then pruned may be grown, those just dropped
    included. Equal ones are kept, and grown, in the order of their index (Evci et al., 2020, arXiv:1911.11134).

    Unlike in the released code only kept weights are ranked by size: there, one that is just grown and still zero ties
    with all the pruned ones.

    Args:
        weight: The layer's weights, of any shape.
        growth: What makes each worth growing, of the same shape; higher is grown.
        kept: Which are kept so far: bool, of the same shape.
        fraction: Share of the kept ones to drop, 0 to 1.

    Returns:
        Which are kept from here on: as many as before.

    Example:
        >>> weight, kept = torch.tensor([3.0, 1.0, 0.0, 0.0]), torch.tensor([True, True, False, False])
        >>> drop_and_grow(weight, torch.tensor([0.0, 1.0, 0.0, 2.0]), kept, 0.5)
        tensor([ True, False, False,  True])
    """
    ones = int(kept.sum())
    dropped = math.floor(ones * fraction)
    moved = torch.zeros_like(kept)
    moved[kept] = largest(weight[kept].abs(), ones - dropped)
    moved[~moved] = largest(growth[~moved], dropped)
    return moved
