"""How alike networks are by what they answer, from their logits (N, K) for the same examples: see `outputs`.

What these compare is invariant to how a network's units are ordered, unlike the distances of weights.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def disagreement(one: Tensor, other: Tensor) -> float:
    """Share of the examples that two networks classify differently, rightly or not, 0..1 (Fort et al., 2019).

    Source: arXiv:1912.02757, section 4; also Frankle et al., 2020, arXiv:1912.05671, appendix G.

    Args:
        one: (N, K) logits.
        other: (N, K) logits of another network.

    Raises:
        ValueError: If the shapes differ, or are not (N, K).

    Example:
        >>> disagreement(torch.tensor([[2.0, 1.0], [0.0, 1.0]]), torch.tensor([[3.0, 0.0], [1.0, 0.0]]))
        0.5
    """
    _check(one, other)
    return float((one.argmax(1) != other.argmax(1).to(one.device)).double().mean())


def ensemble_accuracy(logits: Sequence[Tensor], labels: Tensor) -> float:
    """Share of the examples that networks classify rightly together, by the mean of their softmax, 0..1.

    Args:
        logits: (N, K) of each network.
        labels: (N,) int64.

    Raises:
        ValueError: If there are no networks, or shapes differ.
    """
    if not logits:
        raise ValueError("an ensemble has at least one network: give the logits of each")
    _check(*logits, labels=labels)
    mean = torch.zeros_like(logits[0], dtype=torch.float64)
    for each in logits:
        mean += each.double().softmax(1).to(mean.device)
    return float((mean.argmax(1) == labels.to(mean.device)).double().mean())


def output_distance(one: Tensor, other: Tensor) -> float:
    """Mean over the examples of the Euclidean distance of the two networks' softmax outputs, 0..sqrt(2).

    Of softmax outputs, since a constant added to all logits of an example changes nothing that a network says.

    Args:
        one: (N, K) logits.
        other: (N, K) logits of another network.

    Raises:
        ValueError: If the shapes differ, or are not (N, K).
    """
    _check(one, other)
    apart = one.double().softmax(1) - other.to(one.device).double().softmax(1)
    return float(apart.square().sum(1).sqrt().mean())


def loss_distance(one: Tensor, other: Tensor, labels: Tensor) -> float:
    """The Euclidean distance of the vectors of the two networks' losses, one per example (Frankle et al., 2020).

    It grows with the root of the number of examples: compare it on one set only. Source: arXiv:1912.05671, appendix G.

    Args:
        one: (N, K) logits.
        other: (N, K) logits of another network.
        labels: (N,) int64.

    Raises:
        ValueError: If shapes differ.
    """
    _check(one, other, labels=labels)
    here, there = (
        cross_entropy(each.to(one.device).double(), labels.to(one.device), reduction="none") for each in (one, other)
    )
    return float((here - there).square().sum().sqrt())


def _check(*logits: Tensor, labels: Tensor | None = None) -> None:
    shapes = sorted({tuple(each.shape) for each in logits})
    if len(shapes) > 1 or len(shapes[0]) != 2 or 0 in shapes[0]:
        raise ValueError(
            f"logits have one shape (N, K) of N examples and K classes, not {' and '.join(map(str, shapes))}"
        )
    if labels is not None and labels.shape != logits[0].shape[:1]:
        raise ValueError(f"there are {tuple(labels.shape)} labels for {len(logits[0])} examples: give one for each")
