"""How a network is asked for its outputs without being changed."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

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


def logits(net: nn.Module, images: Tensor, parameters: Mapping[str, Tensor] | None = None) -> Tensor:
    """What a network makes of these images, (B, ...), which are moved to its device: logits (B, K).

    Args:
        net: The network.
        images: Of a batch.
        parameters: In the place of its own.
    """
    place = next(net.parameters())
    images = images.to(place.device, place.dtype if images.is_floating_point() else None)
    result: Tensor = net(images) if parameters is None else functional_call(net, dict(parameters), (images,))
    return result


def joined(batches: Batches, values: int = 1 << 20) -> Iterator[tuple[Tensor, Tensor]]:
    """The same examples in fewer batches, of at most so many values each: many small passes cost more than a large one.

    Args:
        batches: (images, labels).
        values: Numbers in the images of a batch; one that is larger stays as it is.
    """
    held = list[tuple[Tensor, Tensor]]()
    for batch in batches:
        if held and sum(images.numel() for images, _ in held) + batch[0].numel() > values:
            yield _one(held)
            held = []
        held.append(batch)
    if held:
        yield _one(held)


def _one(batches: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches])
