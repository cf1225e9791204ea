"""What networks are compared by: named tensors, and whether those of two networks belong together."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from torch import Tensor, nn

Weights = Mapping[str, Tensor]


def check_alike(one: Weights, other: Weights, what: str = "the other network") -> None:
    """Raise a ValueError unless both have the same names, with tensors of the same shapes.

    Args:
        one: The weights, or whole state, of a network.
        other: Those of another network, or a mask.
        what: What the other is called in the sentence.
    """
    if differing := sorted(one.keys() ^ other.keys()):
        lacking = what if differing[0] in one else "the network"
        raise ValueError(
            f"{lacking} lacks {differing[0]}: take the same names from networks of one architecture and their masks"
        )
    for name, tensor in one.items():
        if tensor.shape != other[name].shape:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}, but {tuple(other[name].shape)} in {what}: "
                "compare networks of one architecture"
            )


def length(parts: Iterable[Tensor]) -> float:
    """The Euclidean length of a vector that comes in parts."""
    return math.sqrt(sum(float(part.square().sum()) for part in parts))


def own_tensors(net: nn.Module, *states: Weights) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Each parameter and buffer of a network, to write into, with what the given states have in its place.

    Args:
        net: The network.
        states: State dictionaries of its architecture; moved to its device and type one tensor at a time.

    Raises:
        ValueError: If a state has other names or shapes, or is the network's own memory, which writing would change.
    """
    own: dict[str, Tensor] = net.state_dict()
    for state in states:
        check_alike(own, state, "a state to be put into it")
        for name, tensor in own.items():
            if tensor.numel() and tensor.untyped_storage().data_ptr() == state[name].untyped_storage().data_ptr():
                raise ValueError(f"{name} is the network's own tensor, which is to be overwritten: clone its state")
    for name, tensor in own.items():
        yield tensor, [state[name].detach().to(tensor) for state in states]


def combine_(tensor: Tensor, sources: Sequence[Tensor], shares: Sequence[float]) -> None:
    """Write the sum of the sources, each times its share, into a tensor: exactly one of them if the others have none.

    Args:
        tensor: Of floating-point numbers, none of the sources.
        sources: Of its shape.
        shares: As many.
    """
    tensor.zero_()
    for source, share in zip(sources, shares, strict=True):
        tensor.add_(source, alpha=share)
