"""Which channels of a network can be taken out: those that one layer makes and one other layer reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

    Besides, channels may make gates that they are multiplied by, as in squeeze-and-excite (Hu et al., 2018,
    arXiv:1709.01507): a layer reads their means, and another has a filter for the gate of each.

    Args:
        producer: The convolution or linear layer that makes them.
        consumer: The one that reads them, behind activation, normalisation, pooling, a depthwise convolution or gates.
        count: N, how many there are.
        inputs: How many inputs of the consumer each is: 1, or the pixels of a flattened image.
        norm: The batch norm that the producer's output goes through, if it does.
        filters: The layers that have a filter for each channel: the producer, depthwise convolutions behind it, and
            those that make gates.
        gates: The layers besides the consumer that read the channels, one input for each, to make gates.
    """

    producer: str
    consumer: str
    count: int
    inputs: int
    norm: str | None = None
    filters: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()


def groups(net: nn.Module, shape: Sequence[int]) -> tuple[list[Group], dict[str, str]]:
    """The groups of channels that can be taken out, from input to output; and why other layers' cannot.

    The hidden channels of squeeze-and-excite are a group too: what reads them is linear.

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
        made = _grouped(name, list(graph.get_pruning_group(layer, prune, idxs=[0])), graph, names)
        if isinstance(made, Group):
            found.append(made)
        else:
            left[name] = made
    return found, left


def _grouped(name: str, together: Sequence[tuple[Any, Any]], graph: Any, names: Mapping[nn.Module, str]) -> Group | str:
    """The group of a layer's channels, from what goes together with the first of them; or why there is none."""
    modules = list(dict.fromkeys(dep.target.module for dep, _ in together))
    layer = modules[0]
    makers = [dep.target.module for dep, _ in together if _makes(dep.target.module, dep.handler.__name__)]
    others = [module for module in dict.fromkeys(makers) if module is not layer]
    reading = {dep.target.module: len(ids) for dep, ids in together if dep.handler.__name__ in READS}
    reading.pop(layer, None)
    nodes = graph.module2node
    for other in others:
        if multiplied(nodes[layer]) and reaches(nodes[other], nodes[layer]):
            return f"its channels are gates of those of {names[other]}"
    makes_gates = [each for each in reading if any(each is one or reaches(nodes[each], nodes[one]) for one in others)]
    gated = all(multiplied(nodes[one]) and reaches(nodes[layer], nodes[one]) for one in others)
    if others and not (gated and all(reading[each] == 1 for each in makes_gates)):
        return f"{ADDED} {', '.join(sorted(names[one] for one in others))}"
    readers = [each for each in reading if each not in makes_gates]
    if not readers:
        return "its channels are the network's output"
    if len(readers) > 1:
        return f"its channels are read by {', '.join(names[each] for each in readers)}"
    (reader,) = readers
    norm = next((names[module] for module in modules if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d)), None)
    own = [dep.target.module for dep, _ in together if dep.handler.__name__ == "prune_out_channels"]
    filters = dict.fromkeys(names[module] for module in own if isinstance(module, WIDE))
    gates = tuple(names[each] for each in makes_gates)
    return Group(name, names[reader], len(layer.weight), reading[reader], norm, tuple(filters), gates)


def _makes(module: nn.Module, handler: str) -> bool:
    """Whether a module makes channels of its own, as no depthwise convolution does."""
    wide = isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
    return wide and handler == "prune_out_channels"


def reaches(start: Any, end: Any) -> bool:
    """Whether a node of torch_pruning's graph comes before another."""
    seen, todo = set(), list(start.outputs)
    while todo:
        node = todo.pop()
        if node is end:
            return True
        if node not in seen:
            seen.add(node)
            todo += node.outputs
    return False


def multiplied(node: Any) -> bool:
    """Whether the only use of what a node gives is as a factor, after functions of each element alone."""
    while len(node.outputs) == 1:
        (node,) = node.outputs
        if type(node.module).__name__ != "_ElementWiseOp" or len(node.inputs) > 1:
            break
    return "(MulBackward" in repr(node.module) and len(node.inputs) == 2
