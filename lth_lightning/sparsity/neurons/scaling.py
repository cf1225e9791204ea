"""Coefficients of a layer's neurons, put on for a while without changing a weight."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from .groups import Group


@contextmanager
def scaling(net: nn.Module, group: Group, coefficients: Tensor) -> Iterator[None]:
    """In here the layer is f_a: its consumer reads channel i times N a_i, and where a_i is 0 it makes no gates."""
    hooks = []
    factors = (group.count * coefficients).repeat_interleave(group.inputs)
    try:
        for name, own in ((group.consumer, factors), *((gate, (coefficients != 0).double()) for gate in group.gates)):
            scale: Any = partial(_scaled, factors=own)
            hooks.append(net.get_submodule(name).register_forward_pre_hook(scale))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _scaled(layer: nn.Module, inputs: tuple[Tensor, ...], factors: Tensor) -> tuple[Tensor, ...]:
    """A layer's inputs, channel by channel times their factors."""
    (x,) = inputs
    shape = [1, -1, *[1] * (x.dim() - 2)] if isinstance(layer, nn.Conv2d) else [*[1] * (x.dim() - 1), -1]
    return (x * factors.to(x.dtype).view(shape),)
