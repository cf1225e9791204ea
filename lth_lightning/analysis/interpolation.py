"""The straight line between two networks: `interpolate_`."""

import math

import torch
from torch import nn

from .states import Weights, own_tensors


def interpolate_(net: nn.Module, one: Weights, other: Weights, alpha: float) -> None:
    """Make a network the one at `alpha` on the line through two: (1 - alpha) * one + alpha * other.

    alpha = 0 gives `one` and 1 gives `other`, exactly; where both are equal, so is what lies between, so what is pruned
    in both stays zero. (In Frankle et al., 2020, arXiv:1912.05671, alpha counts from the other end.) All parameters and
    floating-point buffers are interpolated, thus running statistics too, whose variance may fall below zero beyond the
    ends; whole-number buffers, such as counts of batches, are those of `one` up to, but not at, alpha = 1. Everything
    is written into the network's own memory, and no copy is made but of one tensor at a time.

    Args:
        net: A network of the architecture; its own weights are lost.
        one: Its state dictionary at one end; of a pruned network, with zeros where it is pruned.
        other: That at the other end.
        alpha: Where; 0..1 is between them.

    Raises:
        ValueError: If alpha is not finite, or a state has other names or shapes, or is the network's own memory.
    """
    if not math.isfinite(alpha):
        raise ValueError(f"alpha is a place on the line from one network, 0, to the other, 1: it cannot be {alpha}")
    for tensor, (here, there) in own_tensors(net, one, other):
        if tensor.is_floating_point():
            torch.lerp(here, there, alpha, out=tensor)  # exact at both ends, and where they are equal
        else:
            tensor.copy_(there if alpha >= 1 else here)
