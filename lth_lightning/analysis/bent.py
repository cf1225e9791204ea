"""Curves from one network to another by way of a third: `Bent`, and `bend_` to walk along it."""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import nn

from .states import Weights, combine_, own_tensors

Kind = Literal["bezier", "polygonal"]


@dataclass(frozen=True)
class Bent:
    """A curve from one network to another by way of a third, its bend.

    Attributes:
        one: The state dictionary at t = 0; not a copy, leave it as it is.
        bend: That of the bend, through which a polygonal chain goes, and which a Bezier curve is drawn to.
        other: That at t = 1; not a copy either.
        kind: Of the curve.
    """

    one: Weights
    bend: Weights
    other: Weights
    kind: Kind


def shares(kind: Kind, t: float) -> tuple[float, float, float]:
    """How much of one end, the bend and the other end there is in the network at a place of the curve.

    Quadratic Bezier curve: (1 - t)^2, 2 t (1 - t), t^2. Polygonal chain: from one end to the bend until t = 1/2, then
    on to the other (Garipov et al., 2018, arXiv:1802.10026, section 3). They sum to 1.

    Args:
        kind: Of the curve.
        t: Where on it, 0..1.

    Raises:
        ValueError: If there is no such kind of curve or t is outside [0, 1].

    Example:
        >>> shares("bezier", 0.5), shares("polygonal", 0.25), shares("bezier", 1)
        ((0.25, 0.5, 0.25), (0.5, 0.5, 0), (0, 0, 1))
    """
    if kind not in get_args(Kind):
        raise ValueError(f"a curve is one of {', '.join(get_args(Kind))}, not {kind!r}")
    if not 0 <= t <= 1:
        raise ValueError(f"t is a place on the curve from one network, 0, to the other, 1: it cannot be {t}")
    if kind == "bezier":
        return (1 - t) ** 2, 2 * t * (1 - t), t**2
    return max(0, 1 - 2 * t), min(2 * t, 2 - 2 * t), max(0, 2 * t - 1)


def bend_(net: nn.Module, curve: Bent, t: float) -> None:
    """Make a network the one at a place of a curve; at t = 0 and 1 exactly the ends.

    Floating-point buffers are combined like parameters, so batch norm's statistics want to be estimated (`estimate_`);
    whole-number buffers are those of `one`, but at t = 1. Everything is written into the network's own memory.

    Args:
        net: A network of the architecture; its own weights are lost.
        curve: From one network to another.
        t: Where, 0..1.

    Raises:
        ValueError: If t is outside [0, 1], or a state has other names or shapes, or is the network's own memory.
    """
    here = shares(curve.kind, t)
    for tensor, sources in own_tensors(net, curve.one, curve.bend, curve.other):
        if tensor.is_floating_point():
            combine_(tensor, sources, here)
        else:
            tensor.copy_(sources[2 if t == 1 else 0])
