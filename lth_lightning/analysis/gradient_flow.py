"""How much gradient reaches a network's weights: the norm of the gradient on fixed examples, under a mask."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .forward import Batches, joined, logits, still
from .statistics import batch_statistics

Normalisation = Literal["running", "batch"]


@dataclass(frozen=True)
class GradientNorm:
    """L2 norms of the gradient of the mean cross-entropy.

    Attributes:
        total: Of all trainable tensors together.
        layers: Parameter name -> of that tensor; the squares sum to that of the total.
    """

    total: float
    layers: Mapping[str, float]


def gradient_norm(
    net: nn.Module,
    batches: Batches,
    mask: Mapping[str, Tensor] | None = None,
    batch_norm: Normalisation = "running",
) -> GradientNorm:
    """The norm of the concatenated gradient of all trainable tensors, whose square is what a step gains at first order.

    Of the mean cross-entropy over all examples, however they are batched, without weight decay. Biases and parameters
    of norms belong to it; pruned weights do not. The network is left as it was: weights, gradients, buffers, modes and
    the random state. Dropout is off. Source: Evci et al., 2022, arXiv:2010.03533.

    Args:
        net: The network, or a LightningModule whose forward gives logits; its pruned weights are zero.
        batches: (images, labels).
        mask: Parameter name -> bool tensor, False where it prunes; parameters that it does not name are all kept.
        batch_norm: What batch norm normalises by: 'running' statistics, as in evaluation, or those of the 'batch' at
            hand, as in training; the gradient then flows through them, and depends on how examples are batched.

    Raises:
        ValueError: If there are no examples, nothing is trainable, or the mask names what is no parameter.

    Example:
        >>> net = nn.Linear(2, 2)
        >>> _ = nn.init.zeros_(net.weight), nn.init.zeros_(net.bias)
        >>> found = gradient_norm(net, [(torch.tensor([[3.0, 4.0]]), torch.tensor([0]))])
        >>> round(found.layers["weight"], 4), round(found.layers["bias"], 4)  # p - y is (-0.5, 0.5)
        (3.5355, 0.7071)
    """
    trained = {name: weight for name, weight in net.named_parameters() if weight.requires_grad}
    if not trained:
        raise ValueError("nothing of this network is trainable (requires_grad), so it has no gradient to measure")
    if strange := sorted(set(mask or {}) - dict(net.named_parameters()).keys()):
        raise ValueError(
            f"the mask names '{strange[0]}', which is no parameter of the network: mask it by its own names"
        )
    sums = [torch.zeros_like(weight) for weight in trained.values()]
    number = 0
    for images, labels in batches if batch_norm == "batch" else joined(batches):
        with asked(net, batch_norm):
            scores = logits(net, images)
            loss = cross_entropy(scores.double(), labels.to(scores.device), reduction="sum")
            parts = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
        for total, part in zip(sums, parts, strict=True):
            if part is not None:
                total += part
        number += len(labels)
    if number == 0:
        raise ValueError("there are no examples to take a gradient on: give at least one batch")
    kept = [
        total if mask is None or name not in mask else total * mask[name].to(total.device)
        for name, total in zip(trained, sums, strict=True)
    ]
    squares = torch.stack([each.double().square().sum() for each in kept]) / number**2
    norms = torch.cat([squares, squares.sum()[None]]).sqrt().tolist()  # only here is a GPU waited for
    return GradientNorm(norms[-1], dict(zip(trained, norms, strict=False)))


@contextmanager
def asked(net: nn.Module, batch_norm: Normalisation = "running") -> Iterator[None]:
    """In here a network is differentiated as in evaluation, batch norm perhaps as in training; it stays as it was."""
    by_batch = batch_statistics(net) if batch_norm == "batch" else nullcontext()
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices=devices), still(net), by_batch, torch.enable_grad():
        yield
