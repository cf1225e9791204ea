"""Which channels of a network can be taken out: those that one layer makes and one other layer reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch_pruning
from torch import nn

from ..criteria.scoring import undisturbed

READS = ("prune_in_channels",)
ADDED = "its channels are added to those of"
WIDE = (nn.Conv2d, nn.Linear)


@dataclass(frozen=True)
class Group:
    """Channels that go together: a layer makes them, and all that they enter is one linear map.

    Args:
        producer: The convolution or linear layer that makes them.
        consumer: The one that reads them, behind activation, normalisation, pooling or a depthwise convolution.
        count: N, how many there are.
        inputs: How many inputs of the consumer each is: 1, or the pixels of a flattened image.
        norm: The batch norm that the producer's output goes through, if it does.
        filters: The layers that have a filter for each channel: the producer, and depthwise convolutions behind it.
    """

    producer: str
    consumer: str
    count: int
    inputs: int
    norm: str | None = None
    filters: tuple[str, ...] = ()


def groups(net: nn.Module, shape: Sequence[int]) -> tuple[list[Group], dict[str, str]]:
    """The groups of channels that can be taken out, from input to output; and why other layers' cannot.

    Args:
        net: The network; left as it was.
        shape: An image's (C, H, W).

    Returns:
        The groups, and producer -> reason for layers that are left alone.
    """
    place = next(net.parameters())
    with undisturbed(net, "eval"):
        example = torch.zeros(1, *shape, dtype=place.dtype, device=place.device)
        graph = torch_pruning.DependencyGraph().build_dependency(net, example)
    names = {module: name for name, module in net.named_modules()}
    found, left = list[Group](), dict[str, str]()
    for name, layer in net.named_modules():
        if not isinstance(layer, WIDE):
            continue
        if isinstance(layer, nn.Conv2d) and layer.groups > 1:
            continue  # a depthwise one belongs to those that come into it
        prune = graph.get_pruner_of_module(layer).prune_out_channels
        group = graph.get_pruning_group(layer, prune, idxs=[0])
        makers = {names[dep.target.module] for dep, _ in group if _makes(dep.target.module, dep.handler.__name__)}
        readers = [(names[dep.target.module], ids) for dep, ids in group if dep.handler.__name__ in READS]
        readers = [(reader, ids) for reader, ids in readers if reader != name]
        if makers != {name}:
            left[name] = f"{ADDED} {', '.join(sorted(makers - {name}))}"
        elif not readers:
            left[name] = "its channels are the network's output"
        elif len(readers) > 1:
            left[name] = f"its channels are read by {', '.join(reader for reader, _ in readers)}"
        else:
            ((reader, ids),) = readers
            own = (
                dep.target.module for dep, _ in group if isinstance(dep.target.module, nn.BatchNorm2d | nn.BatchNorm1d)
            )
            norm = next((names[module] for module in own), None)
            filters = (names[dep.target.module] for dep, _ in group if isinstance(dep.target.module, WIDE))
            others = (each for each in dict.fromkeys(filters) if each not in (name, reader))
            found.append(Group(name, reader, layer.weight.shape[0], len(ids), norm, (name, *others)))
    return found, left


def _makes(module: nn.Module, handler: str) -> bool:
    """Whether a module makes channels of its own, as no depthwise convolution does."""
    wide = isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
    return wide and handler == "prune_out_channels"
