"""How far networks are from each other in the space of their weights: `distance` and `distance_matrix`."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from itertools import combinations
from typing import Literal, get_args

import torch
from torch import Tensor

from .states import Weights, check_alike, length

Measure = Literal["angular", "cosine", "euclidean"]
Masks = tuple[Weights | None, Weights | None]


def distance(one: Weights, other: Weights, measure: Measure = "angular", masks: Masks = (None, None)) -> float:
    """The distance of two networks on the weights that both keep (Maene et al., 2021, arXiv:2106.06955).

    With u and v the weights of the two on the intersection of their masks:

    * angular: 2 * angle(u, v) / pi. 0 is the same direction, 1 orthogonal as random vectors nearly are, 2 opposite.
    * cosine: 1 - cos(u, v), with the same 0, 1 and 2.
    * euclidean: |u - v|, the only one that depends on the lengths.

    Args:
        one: Weight name -> weights.
        other: The same of the other network.
        measure: Which distance.
        masks: The masks of the two, weight name -> bool tensor; None for a dense network.

    Raises:
        ValueError: If there is no such measure, names or shapes differ, or an angle is asked for and the weights of a
            network are all zero, or none, where both keep them.

    Example:
        >>> distance({"w": torch.tensor([1.0, 0.0])}, {"w": torch.tensor([0.0, 3.0])})
        1.0
    """
    if measure not in get_args(Measure):
        raise ValueError(f"a distance is one of {', '.join(get_args(Measure))}, not {measure!r}")
    check_alike(one, other)
    for mask in masks:
        if mask is not None:
            check_alike(one, mask, "a mask")
    return _between(partial(_pairs, one, other, *masks), measure)


def distance_matrix(
    networks: Sequence[Weights], masks: Sequence[Weights | None], measure: Measure = "angular"
) -> Tensor:
    """All distances between networks, such as those of the rounds of a pruning and their initialisation.

    Args:
        networks: n times weight name -> weights.
        masks: The n masks, None for a dense network; each pair is compared on the intersection of its two.
        measure: Which distance.

    Returns:
        (n, n) float64 on the CPU, symmetric, with zeros on the diagonal.

    Raises:
        ValueError: If there are not as many masks as networks, or `distance` refuses a pair.
    """
    if len(masks) != len(networks):
        raise ValueError(f"there are {len(networks)} networks and {len(masks)} masks: give one each, None if dense")
    result = torch.zeros(len(networks), len(networks), dtype=torch.float64)
    for i, j in combinations(range(len(networks)), 2):
        result[i, j] = result[j, i] = distance(networks[i], networks[j], measure, (masks[i], masks[j]))
    return result


def _between(pairs: Callable[[], Iterator[tuple[Tensor, Tensor]]], measure: Measure) -> float:
    """The distance of two vectors of which the parts are read anew for each of the sums."""
    if measure == "euclidean":
        return length(u - v for u, v in pairs())
    a, b = length(u for u, _ in pairs()), length(v for _, v in pairs())
    if not a or not b:
        raise ValueError("a network has no weight but zeros where both masks keep them, so no direction: leave it out")
    # not by the arc cosine, which near 0 and 2 is off by the root of the rounding error (Kahan, 2006)
    apart = length(u / a - v / b for u, v in pairs())
    if measure == "cosine":
        return apart**2 / 2
    return 4 * math.atan2(apart, length(u / a + v / b for u, v in pairs())) / math.pi


def _pairs(
    one: Weights, other: Weights, mask: Weights | None, other_mask: Weights | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """The weights that both keep, with zeros elsewhere, layer by layer in float64: one layer at a time is copied."""
    for name, weight in one.items():
        u, v = (each.detach().to(weight.device, torch.float64) for each in (weight, other[name]))
        if kept := [each[name].to(weight.device) for each in (mask, other_mask) if each is not None]:
            both = reduce(torch.logical_and, kept)
            u, v = u * both, v * both  # several times faster than to pick those kept
        yield u, v
