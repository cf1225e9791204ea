"""The spectrum of a Hessian that is too large to be written down, from its products with vectors."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .forward import Batches
from .hessian import Loss, Spectrum


def top_eigenvalues(
    net: nn.Module, batches: Batches, mask: Mapping[str, Tensor] | None = None, count: int = 10, seed: int = 0
) -> tuple[list[float], float]:
    """The largest eigenvalues of the Hessian and its smallest, by ARPACK's implicitly restarted Lanczos method.

    Of the same Hessian as `hessian`, of which it needs products with vectors only (Lehoucq et al., 1998).

    Args:
        net: The network, or a LightningModule whose forward gives logits; left as it was.
        batches: (images, labels).
        mask: Parameter name -> bool tensor, False where it prunes.
        count: How many of the largest; at most one less than there are coordinates.
        seed: Of the vector to start from.

    Returns:
        The largest eigenvalues, falling, and the smallest one.

    Raises:
        ValueError: If there are not so many, no examples, or nothing free.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh  # takes half a second to import

    loss = Loss(net, batches, mask)
    if not 0 < count < len(loss):
        raise ValueError(f"count is {count}: of {len(loss)} coordinates ask for 1 to {len(loss) - 1} eigenvalues")

    def product(vector: Any) -> Any:
        return loss.product(torch.as_tensor(vector).to(loss.at).flatten()).cpu().numpy()

    operator = LinearOperator((len(loss), len(loss)), matvec=product, dtype="float64")
    start = _probe(len(loss), seed).numpy()
    top = eigsh(operator, k=count, which="LA", v0=start, return_eigenvectors=False)
    (lowest,) = eigsh(operator, k=1, which="SA", v0=start, return_eigenvectors=False)
    return sorted(map(float, top), reverse=True), float(lowest)


def approximate_spectrum(
    net: nn.Module,
    batches: Batches,
    mask: Mapping[str, Tensor] | None = None,
    steps: int = 80,
    probes: int = 4,
    seed: int = 0,
) -> Spectrum:
    """The spectral density of the Hessian by stochastic Lanczos quadrature (Ubaru et al., 2017).

    From each random vector, Lanczos' method gives nodes and weights whose sums are those of all eigenvalues, in the
    mean over vectors: exactly for polynomials up to degree 2 `steps` - 1. As for large networks by Ghorbani et al.,
    2019, arXiv:1901.10159, but with vectors made orthogonal to all before, so that no eigenvalue shows up twice.

    Args:
        net: The network, or a LightningModule whose forward gives logits; left as it was.
        batches: (images, labels).
        mask: Parameter name -> bool tensor, False where it prunes.
        steps: Products for each vector; as many vectors are held in memory.
        probes: Number of random vectors.
        seed: Of these.

    Raises:
        ValueError: If there are no steps or probes, no examples, or nothing free.
    """
    if steps < 1 or probes < 1:
        raise ValueError(f"steps is {steps} and probes {probes}: take at least one of each, such as 80 and 4")
    loss = Loss(net, batches, mask)
    found = [quadrature(loss.product, _probe(len(loss), seed + i).to(loss.at), steps) for i in range(probes)]
    values, order = torch.cat([nodes for nodes, _ in found]).sort()
    return Spectrum(values, torch.cat([weights for _, weights in found])[order] / probes, len(loss), exact=False)


def quadrature(product: Callable[[Tensor], Tensor], start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights with which sum(w f(x)) is v^T f(A) v for the unit vector v of a start.

    Lanczos' method with full reorthogonalisation; it ends early where it has found an invariant subspace.

    Args:
        product: A symmetric matrix (P, P) times a vector.
        start: (P,) float64.
        steps: Products at the most.

    Returns:
        Nodes (K,), ascending, and weights (K,), which sum to 1, on the CPU.
    """
    basis = [start / torch.linalg.vector_norm(start)]
    diagonal, beside = list[Tensor](), list[Tensor]()
    for _ in range(min(steps, len(start))):
        following = product(basis[-1])
        diagonal.append(following @ basis[-1])
        span = torch.stack(basis)
        for _ in range(2):  # twice is enough (Parlett, 1980)
            following = following - span.T @ (span @ following)
        length = torch.linalg.vector_norm(following)
        if length <= 1e-10 * torch.stack(diagonal).abs().max():
            break
        beside.append(length)
        basis.append(following / length)
    off = torch.stack(beside[: len(diagonal) - 1]) if len(diagonal) > 1 else start.new_zeros(0)
    tridiagonal = torch.diag(torch.stack(diagonal)) + torch.diag(off, 1) + torch.diag(off, -1)
    nodes, vectors = torch.linalg.eigh(tridiagonal.cpu())
    return nodes, vectors[0].square()


def _probe(size: int, seed: int) -> Tensor:
    """A random vector (P,) float64 of independent signs."""
    draws = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, (size,), generator=draws).double() * 2 - 1
