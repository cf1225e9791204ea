"""What a network is worth on a set of examples, and what it says about each: `evaluate` and `outputs`."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .forward import Batches, logits, still


@dataclass(frozen=True)
class Evaluation:
    """What a network is worth on a set of examples.

    Attributes:
        loss: Mean cross-entropy over the examples, in nats.
        error: Share of the examples that it classifies wrongly, 0..1.
    """

    loss: float
    error: float


def evaluate(net: nn.Module, batches: Batches) -> Evaluation:
    """Loss and error over all examples, in evaluation mode; every example counts the same, however they are batched.

    Args:
        net: The network, or a LightningModule whose forward gives logits; left as it was.
        batches: (images, labels).

    Raises:
        ValueError: If there are no examples.
    """
    sums: list[Tensor] = []
    number = 0
    for scores, labels in _outputs(net, batches):
        losses = cross_entropy(scores.double(), labels, reduction="sum")
        sums.append(torch.stack([losses, (scores.argmax(1) != labels).sum().double()]))
        number += len(labels)
    if number == 0:
        raise ValueError("there are no examples to evaluate on: give at least one batch")
    # only here is a GPU waited for
    loss, wrong = torch.stack(sums).sum(0).tolist()
    return Evaluation(loss / number, wrong / number)


def outputs(net: nn.Module, batches: Batches) -> tuple[Tensor, Tensor]:
    """What the network makes of all examples, in evaluation mode.

    Args:
        net: The network; left as it was.
        batches: (images, labels).

    Returns:
        logits (N, K) and labels (N,), in the order of the batches, on the network's device.

    Raises:
        ValueError: If there are no examples.
    """
    found = list(_outputs(net, batches))
    if not found:
        raise ValueError("there are no examples to ask the network about: give at least one batch")
    return torch.cat([scores for scores, _ in found]), torch.cat([labels for _, labels in found])


def _outputs(net: nn.Module, batches: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    """Logits and labels of each batch; the network is in its own mode whenever others act."""
    for images, labels in batches:
        with still(net):
            scores = logits(net, images)
        yield scores, labels.to(scores.device)
