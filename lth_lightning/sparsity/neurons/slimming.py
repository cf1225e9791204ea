"""Taking channels out: their coefficients folded into the layer that reads them, and then a smaller module."""

from collections.abc import Mapping, Sequence
from copy import deepcopy

import torch
import torch_pruning
from torch import Tensor, nn

from ..criteria.scoring import undisturbed
from .groups import Group


@torch.no_grad()
def fold_(net: nn.Module, group: Group, coefficients: Tensor) -> None:
    """Let the consumer read sum_i a_i h_i in place of the mean of all: its weights of channel i times N a_i, in place.

    So a channel with coefficient zero is read no more, and nothing is added to the network (Ye et al., 2020,
    arXiv:2010.15969). Nor is it read to make gates; those of the other channels stay a function of these as they are,
    not times N a_i. Its own filters become zero, so that none of its weights is left to be measured or counted.

    Args:
        net: The network.
        group: The channels.
        coefficients: (N,), a.

    Raises:
        ValueError: If there are not as many as channels.
    """
    if coefficients.shape != (group.count,):
        shape = tuple(coefficients.shape)
        raise ValueError(f"{group.producer} has {group.count} channels, but coefficients are of shape {shape}")
    stays = (coefficients != 0).to(coefficients)
    _scale(net, group.consumer, 1, (group.count * coefficients).repeat_interleave(group.inputs))
    for name in group.gates:
        _scale(net, name, 1, stays)
    for name in group.filters:
        _scale(net, name, 0, stays)


def _scale(net: nn.Module, name: str, dimension: int, factors: Tensor) -> None:
    """Multiply a layer's weights along a dimension, in place."""
    weight: Tensor = net.get_submodule(name).weight  # type: ignore[assignment]
    shape = [1] * weight.dim()
    shape[dimension] = -1
    weight.mul_(factors.to(weight).view(shape))


def slimmed(net: nn.Module, shape: Sequence[int], kept: Mapping[str, Sequence[int]]) -> nn.Module:
    """A copy of a network without the channels that nothing reads: smaller tensors, the same function.

    Args:
        net: The network, whose layers that read what is taken out have weights of zero for it, as `fold_` leaves them.
        shape: An image's (C, H, W).
        kept: Producer -> the channels that stay, at least one.

    Raises:
        ValueError: If a layer would keep no channel, or one that it does not have.
    """
    small = deepcopy(net)
    place = next(small.parameters())
    with undisturbed(small, "eval"):
        example = torch.zeros(1, *shape, dtype=place.dtype, device=place.device)
        graph = torch_pruning.DependencyGraph().build_dependency(small, example)
        for producer, channels in kept.items():
            layer = small.get_submodule(producer)
            weight: Tensor = layer.weight  # type: ignore[assignment]
            count = len(weight)
            if not channels or not {*channels} <= {*range(count)}:
                raise ValueError(f"{producer} has {count} channels: keep some of 0 to {count - 1}, not {channels}")
            out = [i for i in range(count) if i not in {*channels}]
            if out:
                prune = graph.get_pruner_of_module(layer).prune_out_channels
                graph.get_pruning_group(layer, prune, idxs=out).prune()
    return small
