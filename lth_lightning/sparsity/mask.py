"""Which weights are kept: `Mask`, and which may be pruned at all: `prunable`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd


def prunable(net: nn.Module, include: Sequence[str] = ("*",), exclude: Sequence[str] = ()) -> dict[str, nn.Parameter]:
    """The weights that may be pruned: those of convolutions and linear layers, by module type.

    Biases and normalisation parameters never are. A tensor that two modules share appears once, under its first name.

    Args:
        net: Any network or LightningModule.
        include: Shell-style patterns of parameter names to consider, such as `net.stages.*`.
        exclude: Patterns of parameter names to leave dense, such as `*.head.weight`.

    Returns:
        Parameter name -> parameter, in the network's order. The names are those of `net.state_dict()`.

    Raises:
        ValueError: If a pattern matches no weight (it may be misspelt), or if no weight is left.

    Example:
        >>> list(prunable(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)), exclude=["2.*"]))
        ['0.weight']
    """
    found: dict[str, nn.Parameter] = {}
    for prefix, module in net.named_modules():
        if isinstance(module, _ConvNd | nn.Linear) and not any(module.weight is seen for seen in found.values()):
            name = f"{prefix}.weight".lstrip(".")
            found[name] = net.get_parameter(name)
    if not found:
        raise ValueError(
            f"{type(net).__name__} has no convolution or linear layer, so no weights that can be pruned: "
            "choose another network"
        )
    for pattern in (*include, *exclude):
        if not any(fnmatchcase(name, pattern) for name in found):
            raise ValueError(f"the pattern '{pattern}' matches none of the prunable weights {', '.join(found)}")
    chosen = {
        name: weight
        for name, weight in found.items()
        if any(fnmatchcase(name, pattern) for pattern in include)
        and not any(fnmatchcase(name, pattern) for pattern in exclude)
    }
    if not chosen:
        raise ValueError(f"exclude={list(exclude)} leaves no weight to prune: exclude less")
    return chosen


@dataclass(frozen=True)
class Prunable:
    """Which weights of a network may be pruned: `prunable` with its patterns, as a value for configs.

    Args:
        include: Shell-style patterns of the names of weights to consider.
        exclude: Patterns of the names of weights to leave dense, such as ['net.head.weight'].
    """

    include: Sequence[str] = ("*",)
    exclude: Sequence[str] = ()

    def __call__(self, net: nn.Module) -> dict[str, nn.Parameter]:
        """The weights of this network that may be pruned."""
        return prunable(net, self.include, self.exclude)


class Mask(Mapping[str, Tensor]):
    """An immutable mapping from weight name to a bool tensor of the weight's shape; True is kept.

    Args:
        kept: Weight name -> bool tensor. The tensors are cloned, so later changes of the originals do no harm.

    Raises:
        TypeError: If a tensor is not bool.

    Example:
        >>> mask = Mask({"fc.weight": torch.tensor([[True, False], [True, True]])})
        >>> mask.density, mask.kept, mask.size
        (0.75, 3, 4)
    """

    def __init__(self, kept: Mapping[str, Tensor]) -> None:
        for name, tensor in kept.items():
            if tensor.dtype != torch.bool:
                raise TypeError(f"the mask of {name} is {tensor.dtype}, not torch.bool: compare with 0 to make one")
        self._kept = {name: tensor.detach().clone() for name, tensor in kept.items()}

    @classmethod
    def dense(cls, weights: Mapping[str, Tensor]) -> "Mask":
        """The mask that keeps every one of the given weights."""
        return cls({name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()})

    def __getitem__(self, name: str) -> Tensor:
        return self._kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return list(self) == list(other) and all(torch.equal(self[name], other[name]) for name in self)

    def __hash__(self) -> int:
        return hash(tuple((name, *counts) for name, counts in self.layers().items()))

    def __repr__(self) -> str:
        return f"Mask({self.kept:,} of {self.size:,} weights in {len(self)} layers, density {self.density:.4f})"

    @property
    def kept(self) -> int:
        """Number of weights kept."""
        return sum(kept for kept, _ in self.layers().values())

    @property
    def size(self) -> int:
        """Number of weights, kept or not."""
        return sum(tensor.numel() for tensor in self.values())

    @property
    def density(self) -> float:
        """Share of weights kept, 0..1, counted from the tensors."""
        return self.kept / self.size

    def layers(self) -> dict[str, tuple[int, int]]:
        """Weight name -> (kept, size)."""
        return {name: (int(tensor.count_nonzero()), tensor.numel()) for name, tensor in self.items()}

    def collapsed(self) -> list[str]:
        """Names of the weights of which nothing is kept: such a layer passes no signal."""
        return [name for name, (kept, _) in self.layers().items() if kept == 0]

    def within(self, other: "Mask") -> bool:
        """Whether everything kept here is kept there too."""
        return all(bool((other[name] | ~tensor).all()) for name, tensor in self.items())

    def overlap(self, other: "Mask") -> float:
        """Share of this mask's kept weights that the other keeps too, 0..1."""
        return sum(int((tensor & other[name]).count_nonzero()) for name, tensor in self.items()) / max(1, self.kept)

    @torch.no_grad()
    def apply(self, weights: Mapping[str, Tensor]) -> None:
        """Set every pruned entry of the given weights to zero, in place.

        Raises:
            ValueError: If a weight is missing or has another shape.
        """
        self.check(weights)
        for name, tensor in self.items():
            weights[name].masked_fill_(~tensor.to(weights[name].device), 0)

    def check(self, weights: Mapping[str, Tensor]) -> None:
        """Raise a ValueError unless this mask fits the given weights."""
        for name, tensor in self.items():
            if name not in weights:
                raise ValueError(f"the mask has {name}, which this network lacks: it belongs to another network")
            if weights[name].shape != tensor.shape:
                raise ValueError(
                    f"the mask of {name} has shape {tuple(tensor.shape)}, the weight {tuple(weights[name].shape)}: "
                    "it belongs to another network"
                )
