"""Greedy global imitation: which of a layer's neurons make the network's output what it was (Ye et al., 2020)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..criteria.scoring import undisturbed
from .groups import Group
from .imitation import Step, check_width, moved

EVALUATIONS = 12  # of the true discrepancy, at most, in the line search of one step
NEAR = 0.05  # of a step's size: what is nearer to it is not looked at


class Output:
    """The discrepancy of a network's output when a layer is f_a, to what it was with all of its neurons and before.

    D(a) = E |out_a(z) - out(z)|^2, out being the logits of the network that is imitated.

    Args:
        net: The network, left as it was.
        group: The neurons.
        images: Batches of images, on the network's device.
        targets: The logits to imitate, batch by batch.

    Raises:
        ValueError: If there are no images, or not as many batches of logits.
    """

    def __init__(self, net: nn.Module, group: Group, images: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
        if not images or len(images) != len(targets):
            raise ValueError(f"an output is imitated on images: give batches, and logits for each, not {len(images)}")
        self.net, self.group, self.images, self.targets = net, group, images, targets
        self.count = sum(map(len, images))

    def discrepancy(self, coefficients: Tensor) -> float:
        """D(a)."""
        with torch.no_grad():
            return float(self._sum(coefficients)) / self.count

    def slopes(self, coefficients: Tensor) -> tuple[float, Tensor]:
        """D(a), and dD/da_i of all neurons, from one forward and backward pass of each batch."""
        total, slopes = 0.0, torch.zeros_like(coefficients)
        for images, target in zip(self.images, self.targets, strict=True):
            a = coefficients.clone().requires_grad_()
            loss = self._of(a, images, target)
            (own,) = torch.autograd.grad(loss, a)
            total, slopes = total + float(loss.detach()), slopes + own.detach()
        return total / self.count, slopes / self.count

    def _sum(self, a: Tensor) -> Tensor:
        return torch.stack([self._of(a, *pair) for pair in zip(self.images, self.targets, strict=True)]).sum()

    def _of(self, a: Tensor, images: Tensor, target: Tensor) -> Tensor:
        grad = torch.is_grad_enabled()
        with scaling(self.net, self.group, a), undisturbed(self.net, "eval"), torch.set_grad_enabled(grad):
            out: Tensor = self.net(images)
        return (out - target).double().square().sum()


@contextmanager
def scaling(net: nn.Module, group: Group, coefficients: Tensor) -> Iterator[None]:
    """In here the layer is f_a: its consumer reads channel i times N a_i."""
    factors = (group.count * coefficients).repeat_interleave(group.inputs)
    scale: Any = partial(_scaled, factors=factors)
    handle = net.get_submodule(group.consumer).register_forward_pre_hook(scale)
    try:
        yield
    finally:
        handle.remove()


def imitate_output(output: Output, width: int | None = None) -> Iterator[Step]:
    """A layer's greedy global imitation, step by step: the best single neuron first, without an end.

    One forward and backward pass tells the slopes g of all neurons, and with them a Taylor approximation of what a step
    brings: towards a neuron at most g_i - a . g, away from it at most -a_i / (1 - a_i) times that. The best by this
    approximation is chosen, and the size of the step searched on the true discrepancy, within [-a_i / (1 - a_i), 1];
    where nothing is better the step has size zero.

    Args:
        output: What is to be imitated.
        width: How many neurons may have a weight; once there are so many, only these are chosen. All by default.

    Raises:
        ValueError: If the width is none from 1 to N.
    """
    count = output.group.count
    check_width(width, count)
    singles = torch.eye(count, dtype=torch.float64, device=output.images[0].device)
    first = min(range(count), key=lambda i: output.discrepancy(singles[i]))
    a = singles[first].clone()
    yield Step(a, output.discrepancy(a), first, 1.0)
    while True:
        before, slopes = output.slopes(a)
        full = width is not None and int((a > 0).sum()) >= width
        chosen, end, slope = _promising(a, slopes - a @ slopes, full)
        size, after = _searched(output, a, chosen, end, before, slope)
        a = moved(a, chosen, size) if size else a
        yield Step(a, after, chosen, size)


def _promising(a: Tensor, slopes: Tensor, full: bool) -> tuple[int, float, float]:
    """The neuron that promises most, the end of the step's range in the direction that does, and the slope there."""
    away = torch.where((a > 0) & (a < 1), -a / (1 - a).clamp(min=torch.finfo(a.dtype).tiny), 0.0)
    towards = slopes.masked_fill(a == 0, torch.inf) if full else slopes
    one, other = int(towards.argmin()), int((slopes * away).argmin())
    if towards[one] <= slopes[other] * away[other]:
        return one, 1.0, float(slopes[one])
    return other, float(away[other]), float(slopes[other])


def _searched(output: Output, a: Tensor, chosen: int, end: float, before: float, slope: float) -> tuple[float, float]:
    """The best size of a step that was looked at, and the discrepancy there; none where it would rise.

    Each place to look at is the lowest point of the parabola that has the discrepancy and the slope where the step
    begins, and the discrepancy at the place before; the first is the end of the range.
    """
    if not slope * end < 0:
        return 0.0, before
    size, found = end, (0.0, before)
    for _ in range(EVALUATIONS):
        after = output.discrepancy(moved(a, chosen, size))
        found = min(found, (size, after), key=lambda place: place[1])
        bend = (after - before - slope * size) / size**2
        lowest = -slope / (2 * bend) if bend > 0 else end
        following = min(lowest, end) if end > 0 else max(lowest, end)
        if abs(following - size) < NEAR * abs(size):
            break
        size = following
    return found


def _scaled(layer: nn.Module, inputs: tuple[Tensor, ...], factors: Tensor) -> tuple[Tensor, ...]:
    """A consumer's inputs, channel by channel times their factors."""
    (x,) = inputs
    shape = [1, -1, *[1] * (x.dim() - 2)] if isinstance(layer, nn.Conv2d) else [*[1] * (x.dim() - 1), -1]
    return (x * factors.to(x.dtype).view(shape),)
