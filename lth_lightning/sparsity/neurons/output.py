"""Greedy global imitation: which of a layer's neurons make the network's output what it was (Ye et al., 2020)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..criteria.scoring import undisturbed
from .groups import Group
from .rest import Rest
from .scaling import scaling


class Output:
    """The discrepancy of a network's output when a layer is f_a, to what it was with all of its neurons and before.

    D(a) = E |out_a(z) - out(z)|^2, out being the logits of the network that is imitated. Where channels make gates it
    jumps when one begins or ceases to, which slopes leave out.

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
        self.net, self.group, self.targets = net, group, targets
        self.rests = [Rest(net, group, batch) for batch in images]
        self.count = sum(map(len, images))

    def discrepancy(self, coefficients: Tensor) -> float:
        """D(a)."""
        with self.at(coefficients), torch.no_grad():
            losses = [_loss(rest(), target) for rest, target in self._pairs()]
        return float(torch.stack(losses).sum()) / self.count

    def slopes(self, coefficients: Tensor) -> tuple[float, Tensor]:
        """D(a), and dD/da_i of all neurons, from one forward and backward pass of each batch."""
        total, slopes = 0.0, torch.zeros_like(coefficients)
        for rest, target in self._pairs():
            a = coefficients.clone().requires_grad_()
            with self.at(a):
                loss = _loss(rest(), target)
                (own,) = torch.autograd.grad(loss, a)
            total, slopes = total + float(loss.detach()), slopes + own.detach()
        return total / self.count, slopes / self.count

    @contextmanager
    def at(self, coefficients: Tensor) -> Iterator[None]:
        """In here the layer is f_a, and the network evaluates; gradients are on."""
        with undisturbed(self.net, "eval"), scaling(self.net, self.group, coefficients):
            yield

    def _pairs(self) -> Iterator[tuple[Rest, Tensor]]:
        return zip(self.rests, self.targets, strict=True)


def _loss(out: Tensor, target: Tensor) -> Tensor:
    return (out - target).double().square().sum()
