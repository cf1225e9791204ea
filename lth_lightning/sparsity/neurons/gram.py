"""How well some of a layer's neurons, with weights of their own, stand for all of them (Ye et al., 2020)."""

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
