"""Whether two networks have their large weights in the same places: `weight_correlation`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .states import Weights, check_alike


@dataclass(frozen=True)
class Correlation:
    """R_p of two networks: which share of their largest weights they have in common.

    Attributes:
        layers: Weight name -> R_p of this layer, 0..1; without layers of which the mask keeps nothing.
        total: R_p of the network, 0..1: the layers' common weights divided by the sizes of their top sets.
        chance: What `total` is expected to be if the two have nothing to do with each other: p, but for rounding.
    """

    layers: Mapping[str, float]
    total: float
    chance: float


def weight_correlation(one: Weights, other: Weights, p: float, mask: Weights | None = None) -> Correlation:
    """The correlation indicator R_p: the overlap of the two networks' top sets, layer by layer.

    R_p = sum_l |T_l(one) & T_l(other)| / sum_l |T_l|, where T_l has the share p of the layer's N_l weights that is
    largest by magnitude: p * N_l of them, halves rounded up, but at least one; equal magnitudes are taken in the order
    of their index (Liu et al., 2021, arXiv:2102.11068; Ma et al., 2021, arXiv:2107.00166). Above `chance` the networks
    are correlated, below it negatively. With a mask both are compared as networks of this mask, without one over full
    layers, whether dense or not.

    Args:
        one: Weight name -> weights.
        other: The same of the other network.
        p: The share of a layer's weights in its top set, in (0, 1].
        mask: Weight name -> bool tensor; N_l is then the number of weights that it keeps of the layer.

    Raises:
        ValueError: If p is outside (0, 1], names or shapes differ, there are no weights, a weight is not a finite
            number, or a layer has fewer weights that are not zero than its top set, so that zeros would be in it.

    Example:
        >>> one, other = {"w": torch.tensor([4.0, -3.0, 2.0, 1.0])}, {"w": torch.tensor([4.0, 1.0, 2.0, 3.0])}
        >>> weight_correlation(one, other, 0.5)
        Correlation(layers={'w': 0.5}, total=0.5, chance=0.5)
    """
    if not 0 < p <= 1:
        raise ValueError(f"p is the share of a layer's weights in its top set, in (0, 1], not {p}")
    check_alike(one, other)
    if mask is not None:
        check_alike(one, mask, "the mask")
    sizes, tops, common = {}, {}, {}
    for name in one:
        here, there = _remaining(one, name, mask), _remaining(other, name, mask)
        if size := here.numel():
            sizes[name], tops[name] = size, max(1, math.floor(p * size + 0.5))
            both = (_top(name, each.to(here.device), tops[name], mask is None) for each in (here, there))
            common[name] = int(torch.logical_and(*both).sum())
    if not sizes:
        raise ValueError("there are no weights to compare: give those of at least one layer, and a mask that keeps any")
    return Correlation(
        layers={name: common[name] / top for name, top in tops.items()},
        total=sum(common.values()) / sum(tops.values()),
        chance=sum(top**2 / sizes[name] for name, top in tops.items()) / sum(tops.values()),
    )


def _remaining(weights: Weights, name: str, mask: Weights | None = None) -> Tensor:
    """The weights of a layer that a mask keeps, all without one, in the order of their index; (N,)."""
    weight = weights[name].detach()
    return weight.flatten() if mask is None else weight[mask[name].to(weight.device)]


def _top(name: str, weights: Tensor, count: int, full: bool) -> Tensor:
    """Which weights of a layer are its largest by magnitude; (N,) bool, `count` of them True."""
    if not weights.isfinite().all():
        raise ValueError(f"the weights of {name} are not all finite numbers: this training has diverged, leave it out")
    nonzero = int(weights.count_nonzero())
    if nonzero < count:
        raise ValueError(
            f"the top set of {name} has {count} of {weights.numel()} weights, but only {nonzero} are not zero: "
            "choose a smaller p" + (", or give the mask, so that p is a share of what remains" if full else "")
        )
    chosen = torch.zeros_like(weights, dtype=torch.bool)
    chosen[weights.abs().argsort(descending=True, stable=True)[:count]] = True
    return chosen
