"""Many tensors changed in place by one call."""

from collections.abc import Sequence
from typing import Any

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


def fuse(optimizer: Optimizer) -> None:
    """Let an optimizer that can do so update all weights by one call, unless it was told how; equal up to rounding.

    Args:
        optimizer: Whatever it is; its weights lie on the device that trains.
    """
    for group in optimizer.param_groups:
        untold = not any(group.get(name) for name in ("fused", "foreach", "differentiable", "dampening"))
        able = "fused" in group and all(w.device.type in ("cpu", "cuda") for w in group["params"])
        if able and untold and group["fused"] is None and all(w.is_floating_point() for w in group["params"]):
            group["fused"] = True
            if group.get("momentum"):
                optimizer.register_step_pre_hook(_with_momentum)


def align(optimizer: Optimizer) -> None:
    """Lay an optimizer's states out as their weights are: a fused call goes through memory, whatever the strides are.

    Their values stay. States out of a checkpoint have the layout of the machine that wrote it.
    """
    for group in optimizer.param_groups:
        for weight in group["params"]:
            state = optimizer.state.get(weight, {})
            for name, value in state.items():
                alike = isinstance(value, Tensor) and value.shape == weight.shape
                if alike and value.stride() != weight.stride():
                    state[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def _with_momentum(optimizer: Optimizer, *args: Any) -> None:
    """Give a weight whose first gradient comes late the momentum that the call wants of all: none."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if 0 < len(optimizer.state) < len(weights):
        for weight in weights:
            if weight.grad is not None and weight not in optimizer.state:
                optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
