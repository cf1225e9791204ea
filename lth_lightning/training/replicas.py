"""Several networks of one shape, trained as one."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy


class Outcome(NamedTuple):
    """What a step gives, of all replicas.

    Args:
        logits: (R, B, classes).
        losses: (R,) means over the images.
        gradients: Of each parameter that is trained, in their order, (R, ...).
    """

    logits: Tensor
    losses: Tensor
    gradients: Sequence[Tensor]


class Replicas(nn.Module):
    """R networks whose parameters and buffers are slices of common tensors with a leading axis.

    A layer of all of them is one operation, so that small networks fill a GPU. Every slice is a network's own: its
    batch norm, its gradient. What a network makes of its images does not depend on the others.

    Args:
        net: A network of the shape; its values are those of every replica at first.
        count: Number of replicas R, at least 1.

    Raises:
        ValueError: If `count` is below 1.
    """

    def __init__(self, net: nn.Module, count: int) -> None:
        super().__init__()
        if count < 1:
            raise ValueError(f"{count} replicas: give 1 or more")
        self.count = count
        self._shape = [deepcopy(net)]  # whose values nobody reads; in a list, so that it is no part of this module
        self._stacked = {name: torch.stack([own.detach()] * count) for name, own in tensors(net)}
        self._buffered = {name for name, _ in net.named_buffers()}
        self._learned = [name for name, parameter in net.named_parameters() if parameter.requires_grad]

    def forward(self, images: Tensor) -> Tensor:
        """Logits (R, B, classes) of images (R, B, C, H, W)."""
        return self._outputs(self._stacked, images)

    def own(self, number: int) -> dict[str, Tensor]:
        """The parameters and buffers of a replica, as slices."""
        return {name: stacked[number] for name, stacked in self._stacked.items()}

    @property
    def moved(self) -> list[Tensor]:
        """What a step changes: the buffers of all."""
        return [stacked for name, stacked in self._stacked.items() if name in self._buffered]

    def step(self, images: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Outcome:
        """The logits, losses and gradients of a batch of each; batch norm's statistics move.

        Args:
            images: (R, B, C, H, W).
            labels: (R, B) int64.
            label_smoothing: Share of each label given to all classes alike.
        """
        learned = {name: self._stacked[name].detach().requires_grad_() for name in self._learned}
        logits = self._outputs({**self._stacked, **learned}, images)
        each = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none", label_smoothing=label_smoothing)
        losses = each.view(self.count, -1).mean(1)
        gradients = torch.autograd.grad(losses.sum(), [*learned.values()], allow_unused=True, materialize_grads=True)
        # laid out as what they are gradients of, or fused optimizers would take one weight's for another's
        return Outcome(logits.detach(), losses.detach(), [gradient.contiguous() for gradient in gradients])

    def _outputs(self, values: Mapping[str, Tensor], images: Tensor) -> Tensor:
        (net,) = self._shape
        net.train(self.training)
        outputs: Tensor = vmap(lambda own, x: functional_call(net, own, (x,)))(dict(values), images)
        return outputs


def tensors(net: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The names and values of a network's parameters and buffers."""
    return chain(net.named_parameters(), net.named_buffers())


def alike(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks are the same function of their parameters and buffers, as far as their attributes tell."""
    parts = [[*net.named_modules()] for net in (one, other)]
    if [name for name, _ in parts[0]] != [name for name, _ in parts[1]]:
        return False
    try:
        return all(_facts(a) == _facts(b) for (_, a), (_, b) in zip(*parts, strict=True))
    except (RuntimeError, ValueError):  # of attributes that cannot be compared, such as tensors
        return False


def _facts(module: nn.Module) -> dict[str, Any]:
    """All that makes a module what it is, but the values of its tensors and its parts."""
    stored = [*module._parameters.items(), *module._buffers.items()]
    layout = {
        name: None if own is None else (own.shape, own.dtype, own.device, own.requires_grad) for name, own in stored
    }
    plain = {name: value for name, value in vars(module).items() if name not in ("_parameters", "_buffers", "_modules")}
    return {"type": type(module), "layout": layout, **plain}
