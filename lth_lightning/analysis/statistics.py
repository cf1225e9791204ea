"""By what batch norm normalises in a network that was never trained, such as one between two that were.

The statistics of the activations half way between two networks are not half way between theirs, so which are taken can
decide whether there is a barrier (Jordan et al., 2022, arXiv:2211.08403): say it beside every one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .forward import Batches, logits, still

Statistics = Literal["interpolated", "estimated", "batch"]
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def estimate_(net: nn.Module, batches: Batches) -> None:
    """Set the running statistics of batch norm to their means over these batches (Izmailov et al., 2018).

    Each running mean and variance becomes the exact mean of the batches' means and unbiased variances, weighted by
    their number of examples, while all norms normalise by the batch at hand as in training. Nothing else changes: all
    other modules are in evaluation mode, so dropout is off, and the count of training's batches remains as it was. In a
    network without batch norm nothing does. Source: arXiv:1803.05407, section 3.2.

    Args:
        net: The network or LightningModule.
        batches: (images, labels) of at least two values per channel; the labels are not looked at.

    Raises:
        ValueError: If there are norms, but no batches.
    """
    norms = _tracking(net)
    if not norms:
        return
    before = [(norm, norm.momentum, _count(norm).clone()) for norm in norms]
    hooks = [norm.register_forward_pre_hook(_Mean()) for norm in norms]
    number = 0
    try:
        with still(net, training=norms):
            for images, _ in batches:
                logits(net, images)
                number += 1
    finally:
        for hook in hooks:
            hook.remove()
        for norm, momentum, count in before:
            norm.momentum = momentum
            _count(norm).copy_(count)
    if number == 0:
        raise ValueError("there are no batches to estimate the statistics of batch norm on: give at least one")


class _Mean:
    """Before a norm's forward pass, gives it the momentum with which its running average is the mean so far."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, _BatchNorm)
        if self.seen == 0:
            norm.reset_running_stats()  # whatever was there has no weight, but 0 * infinity would not be 0
        self.seen += len(inputs[0])
        norm.momentum = len(inputs[0]) / self.seen


def _count(norm: _BatchNorm) -> Tensor:
    assert norm.num_batches_tracked is not None  # it comes and goes with running_mean
    return norm.num_batches_tracked


@contextmanager
def batch_statistics(net: nn.Module) -> Iterator[None]:
    """In here batch norm normalises by the statistics of the batch at hand, in evaluation mode too.

    What the network makes of an example then depends on the others of its batch. The running statistics are taken out
    meanwhile, so `state_dict` lacks them, and afterwards are those that they were, bit for bit.
    """
    before = [(norm, {name: getattr(norm, name) for name in BUFFERS}) for norm in _tracking(net)]
    try:
        for norm, buffers in before:
            for name in buffers:
                setattr(norm, name, None)  # without any, torch takes the batch's own, whatever the mode
        yield
    finally:
        for norm, buffers in before:
            for name, buffer in buffers.items():
                setattr(norm, name, buffer)


def _tracking(net: nn.Module) -> list[_BatchNorm]:
    """The norms that have running statistics."""
    return [module for module in net.modules() if isinstance(module, _BatchNorm) and module.running_mean is not None]
