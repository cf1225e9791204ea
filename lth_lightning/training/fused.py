"""Many tensors multiplied in place by one call."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer


@torch.no_grad()
def multiply_(tensors: Sequence[Tensor], factors: Sequence[Tensor]) -> None:
    """Multiply each tensor in place by its factor, in one fused call."""
    if tensors:
        torch._foreach_mul_(list(tensors), list(factors))


def states_of(
    optimizer: Optimizer, weights: Sequence[Tensor], factors: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """The states of an optimizer that have the shape of their weight, and the factors of these weights.

    Args:
        optimizer: The optimizer.
        weights: Weights, of which some may be another optimizer's.
        factors: One for each weight, of its shape.
    """
    states: list[Tensor] = []
    own: list[Tensor] = []
    for weight, factor in zip(weights, factors, strict=True):
        for state in optimizer.state.get(weight, {}).values():
            if isinstance(state, Tensor) and state.shape == weight.shape and state.is_floating_point():
                states.append(state)
                own.append(factor)
    return states, own
