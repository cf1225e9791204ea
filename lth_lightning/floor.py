"""The time that a training step cannot do without: what it multiplies and what it moves, on this very device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .sparsity.criteria.scoring import undisturbed
from .sparsity.flops import layer_flops
from .training.timing import now

PASSES = 3  # the backward pass multiplies and moves twice what the forward pass does


@dataclass(frozen=True)
class Floor:
    """What a step of a batch needs at least, and what the device can do.

    Args:
        operations: Multiplications and additions.
        bytes: To and from memory.
        per_second: Operations that the device was seen to do in a second.
        bandwidth: Bytes that it was seen to move in a second.
    """

    operations: float
    bytes: float
    per_second: float
    bandwidth: float

    @property
    def seconds(self) -> float:
        """Whichever of both takes longer; they may overlap."""
        return max(self.operations / self.per_second, self.bytes / self.bandwidth)


def floor_of(net: nn.Module, shape: Sequence[int], batch: int, device: torch.device, dtype: torch.dtype) -> Floor:
    """Count what a step needs, and measure what the device can do.

    Every layer reads its input and writes its output once forward, and twice as much backward; what a layer needs
    besides, and what the optimizer does, is left out. So are fused layers, which move less.

    Args:
        net: The network; left as it was.
        shape: An image's (C, H, W).
        batch: Images per step.
        device: What trains.
        dtype: Of the activations.
    """
    values = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal values
        values += sum(each.numel() for each in inputs) + output.numel()

    leaves = [module for module in net.modules() if next(module.children(), None) is None]
    handles = [leaf.register_forward_hook(count) for leaf in leaves]
    try:
        operations = sum(layer_flops(net, shape).values())
        values = 0
        with undisturbed(net, "eval"), torch.no_grad():
            net(next(net.parameters()).new_zeros(1, *shape))
    finally:
        for handle in handles:
            handle.remove()
    moved = values * batch * PASSES * dtype.itemsize
    return Floor(operations * batch * PASSES, moved, *able(device, dtype))


def able(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Operations and bytes in a second, of a large product of matrices and of a large copy."""
    size = 1024 if device.type == "cpu" else 8192
    matrix = torch.ones(size, size, device=device, dtype=dtype)
    block = torch.ones(1 << (26 if device.type == "cpu" else 30), device=device, dtype=torch.uint8)
    other = torch.empty_like(block)
    product = 2 * size**3 / _fastest(lambda: matrix @ matrix, device)
    return product, 2 * block.numel() / _fastest(lambda: other.copy_(block), device)


def _fastest(call: Callable[[], object], device: torch.device) -> float:
    """The shortest of ten times, or of fewer where they take long, as products in bfloat16 do on some CPUs."""
    taken = list[float]()
    while len(taken) < 10 and (len(taken) < 2 or sum(taken) < 1):
        begun = now(device)
        call()
        taken.append(now(device) - begun)
    return min(taken)
