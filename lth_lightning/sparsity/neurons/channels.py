"""A mask that keeps whole channels: from the channels to the mask, and back."""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor

from ..mask import Mask
from .groups import Group


def maskable(found: Sequence[Group], mask: Mask) -> tuple[list[Group], dict[str, str]]:
    """Those of the groups whose weights a mask is over, and producer -> reason for the others.

    Args:
        found: Groups of channels.
        mask: Of the weights that may be pruned.
    """
    lacking = {
        group: [name for name in (*group.filters, group.consumer, *group.gates) if f"{name}.weight" not in mask]
        for group in found
    }
    left = {
        group.producer: f"the weights of {', '.join(names)} are not to be pruned (prunable)"
        for group, names in lacking.items()
        if names
    }
    return [group for group, names in lacking.items() if not names], left


def thinned(mask: Mask, found: Sequence[Group], kept: Mapping[str, Sequence[int]]) -> Mask:
    """The mask without the weights of channels that go: the filters that make them, and what reads them.

    Args:
        mask: What is kept so far.
        found: Groups of channels, of which all that are thinned are among.
        kept: Producer -> the channels that stay.
    """
    there = {name: tensor.clone() for name, tensor in mask.items()}
    for group in found:
        if group.producer not in kept:
            continue
        stays = torch.zeros(group.count, dtype=torch.bool)
        stays[list(kept[group.producer])] = True
        for name in group.filters:
            weight = there[f"{name}.weight"]
            weight &= _along(stays, weight, 0)
        for name, inputs in ((group.consumer, group.inputs), *((gate, 1) for gate in group.gates)):
            weight = there[f"{name}.weight"]
            weight &= _along(stays.repeat_interleave(inputs), weight, 1)
    return Mask(there)


def alive(mask: Mask, found: Sequence[Group]) -> dict[str, list[int]]:
    """Producer -> the channels that are read: by one weight at least, of the consumer or of gates, that the mask keeps.

    Where a mask leaves none of a layer's channels the first is named, as no layer is without one.

    Args:
        mask: What is kept; a layer that it is not over keeps all.
        found: Groups of channels.
    """
    return {group.producer: [int(i) for i in _read(mask, group).nonzero().flatten()] or [0] for group in found}


def _read(mask: Mask, group: Group) -> Tensor:
    """(N,) bool, which channels a layer reads."""
    read = torch.zeros(group.count, dtype=torch.bool)
    for name in (group.consumer, *group.gates):
        weight = mask.get(f"{name}.weight")
        kept = True if weight is None else weight.transpose(0, 1).reshape(group.count, -1).any(1).cpu()
        read |= kept
    return read


def widths(mask: Mask, found: Sequence[Group], density: float) -> dict[str, int]:
    """Producer -> how many channels to keep, the same share of each layer's, so that a density is not exceeded.

    Every layer keeps at least one channel. The share is the largest that does.

    Args:
        mask: What is kept so far, in whole channels of these groups.
        found: Groups of channels.
        density: Share of all of the mask's weights that may be kept, in (0, 1].

    Raises:
        ValueError: If one channel of each layer is too many.
    """
    parts = {name: [(group.producer, group.count) for group in _touching(name, found)] for name in mask}
    sizes = {name: tensor.numel() for name, tensor in mask.items()}

    def left(each: Mapping[str, int]) -> float:
        return sum(sizes[name] * prod(each[one] / count for one, count in parts[name]) for name in mask)

    def at(share: float) -> dict[str, int]:
        return {group.producer: max(1, int(share * group.count + 1e-9)) for group in found}

    most = density * mask.size * (1 + 1e-9)
    if left(at(0.0)) > most:
        raise ValueError(
            f"density {density} is out of reach: one neuron in each of the {len(found)} layers that can be thinned "
            f"leaves {left(at(0.0)) / mask.size:.4f} of the weights; ask for more"
        )
    shares = sorted({number / group.count for group in found for number in range(1, group.count + 1)})
    low, high = 0, len(shares)
    while low < high:  # the number of shares that are small enough
        middle = (low + high) // 2
        low, high = (middle + 1, high) if left(at(shares[middle])) <= most else (low, middle)
    return at(shares[low - 1] if low else 0.0)


def _touching(name: str, found: Sequence[Group]) -> list[Group]:
    """The groups whose channels are filters of a weight, or read by it."""
    return [
        group
        for group in found
        if name in {f"{each}.weight" for each in (*group.filters, group.consumer, *group.gates)}
    ]


def _along(stays: Tensor, weight: Tensor, dimension: int) -> Tensor:
    shape = [1] * weight.dim()
    shape[dimension] = -1
    return stays.to(weight.device).view(shape)
