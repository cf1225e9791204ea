"""How a network is asked for its outputs without being changed."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Batches = Iterable[tuple[Tensor, Tensor]]


@contextmanager
def still(net: nn.Module, training: Collection[nn.Module] = ()) -> Iterator[None]:
    """In here nothing is differentiated, and all modules are in evaluation mode but those of `training`.

    Afterwards every module is in its own mode again.
    """
    modes = [(module, module.training) for module in net.modules()]
    try:
        for module, _ in modes:
            module.training = module in training
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def logits(net: nn.Module, images: Tensor) -> Tensor:
    """What the network makes of these images, (B, ...), which are moved to its device: logits (B, K)."""
    place = next(net.parameters())
    result: Tensor = net(images.to(place.device, place.dtype if images.is_floating_point() else None))
    return result
