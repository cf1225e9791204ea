"""Greedy local imitation: which of a layer's neurons, and with what weights, imitate all of them (Ye et al., 2020)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .gram import Gram, Step, check_width


def imitate(gram: Gram, width: int | None = None) -> Iterator[Step]:
    """A layer's greedy local imitation, step by step: the best single neuron first, without an end.

    Each step goes from a towards one neuron, (1 - gamma) a + gamma e_i, with the neuron and the size that bring the
    discrepancy down most. The size is exact, from the Gram matrix, and may be negative, down to where the weight of the
    neuron is zero: it is removed then. A neuron may be chosen again. A step takes O(N^2).

    Args:
        gram: Of the layer.
        width: How many neurons may have a weight; once there are so many, only these are chosen. All by default.

    Raises:
        ValueError: If the width is none from 1 to N.
    """
    check_width(width, len(gram))
    first = int((gram.products.diagonal() - 2 * gram.target).argmin())
    a = torch.eye(len(gram)).to(gram.products)[first]
    yield Step(a, gram.discrepancy(a), first, 1.0)
    while True:
        chosen, size = best_step(gram, a, None if width is None else a > 0 if int((a > 0).sum()) >= width else None)
        a = moved(a, chosen, size)
        yield Step(a, gram.discrepancy(a), chosen, size)


def best_step(gram: Gram, coefficients: Tensor, allowed: Tensor | None = None) -> tuple[int, float]:
    """The neuron and the size of the step that bring the discrepancy down most.

    With r = b - G a and d = e_i - a the best size is (r . d) / (d' G d), clipped to [-a_i / (1 - a_i), 1].

    Args:
        gram: Of the layer.
        coefficients: (N,), a.
        allowed: (N,) bool, which neurons may be chosen; all by default.

    Returns:
        The neuron, of equals the first, and the size; 0 where nothing helps.
    """
    a = coefficients
    slope, bend = toward(gram, a)
    low = torch.where(a < 1, -a / (1 - a).clamp(min=torch.finfo(a.dtype).tiny), 0.0)
    size = torch.where(bend > 0, slope / bend.clamp(min=torch.finfo(a.dtype).tiny), 0.0)
    size = torch.minimum(torch.maximum(size, low), torch.ones_like(size))
    gain = 2 * size * slope - size.square() * bend
    if allowed is not None:
        gain = gain.masked_fill(~allowed, -torch.inf)
    chosen = int(gain.argmax())
    return (chosen, float(size[chosen])) if gain[chosen] > 0 else (chosen, 0.0)


def toward(gram: Gram, coefficients: Tensor) -> tuple[Tensor, Tensor]:
    """What a step of size gamma towards each neuron brings: D falls by 2 gamma slope - gamma^2 bend.

    Args:
        gram: Of the layer.
        coefficients: (N,), a.

    Returns:
        The slopes (b - G a) . (e_i - a) and the bends (e_i - a)' G (e_i - a), (N,) each.
    """
    g, b, a = gram.products, gram.target, coefficients
    ga = g @ a
    return (b - ga) - a @ (b - ga), (g.diagonal() - 2 * ga + a @ ga).clamp(min=0)


def moved(coefficients: Tensor, chosen: int, size: float) -> Tensor:
    """(1 - size) a + size e_i, exactly zero where it removes neuron i."""
    own = float(coefficients[chosen])
    a = (1 - size) * coefficients
    a[chosen] = 0.0 if own < 1 and size <= -own / (1 - own) else a[chosen] + size
    return a
