"""Greedy local imitation: which of a layer's neurons, and with what weights, imitate all of them (Ye et al., 2020)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gram:
    """How the contributions of a layer's N neurons to the next linear map go together, over a set of inputs.

    The layer is F(z) = (1/N) sum_i h_i(z), h_i being neuron i's contribution. A small one is f_a(z) = sum_i a_i h_i(z)
    with a in the simplex, and its discrepancy D(a) = E |f_a(z) - F(z)|^2 (Ye et al., 2020, arXiv:2010.15969).

    Args:
        products: (N, N) float64, E <h_i(z), h_j(z)>.

    Raises:
        ValueError: If it is no symmetric matrix of finite numbers.
    """

    products: Tensor

    def __post_init__(self) -> None:
        g = self.products
        if g.dim() != 2 or g.shape[0] != g.shape[1] or not g.numel():
            raise ValueError(f"a Gram matrix is (N, N) for N neurons, not of shape {tuple(g.shape)}")
        if not bool(g.isfinite().all()) or not torch.allclose(g, g.T):
            raise ValueError("a Gram matrix is symmetric and finite, and this is not: did the network diverge?")

    def __len__(self) -> int:
        return len(self.products)

    @cached_property
    def target(self) -> Tensor:
        """(N,), E <h_i(z), F(z)>."""
        return self.products.mean(1)

    def discrepancy(self, coefficients: Tensor) -> float:
        """D(a), at least 0.

        Args:
            coefficients: (N,) float64.
        """
        apart = coefficients - 1 / len(self)
        return max(0.0, float(apart @ self.products @ apart))


@dataclass(frozen=True)
class Step:
    """Where a greedy search is.

    Args:
        coefficients: (N,) float64, in the simplex.
        discrepancy: D of them.
        chosen: The neuron whose weight was just changed.
        size: By how much, the step towards it.
    """

    coefficients: Tensor
    discrepancy: float
    chosen: int
    size: float

    @property
    def kept(self) -> list[int]:
        """The neurons with a weight, in their order."""
        return [int(i) for i in self.coefficients.nonzero().flatten()]


def check_width(width: int | None, count: int) -> None:
    """Raise a ValueError if a layer of so many neurons cannot keep a width of them; None is all."""
    if width is not None and not 1 <= width <= count:
        raise ValueError(f"width is {width}: of {count} neurons keep 1 to {count}")


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
    g, b = gram.products, gram.target
    first = int((g.diagonal() - 2 * b).argmin())
    a = torch.zeros(len(gram), dtype=g.dtype, device=g.device)
    a[first] = 1.0
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
