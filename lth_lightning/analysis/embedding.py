"""A picture of networks from their distances: `embed`."""

import torch
from torch import Tensor


def embed(distances: Tensor, dimensions: int = 2) -> Tensor:
    """Points of which the Euclidean distances are as near to the given ones as possible: classical scaling.

    With B = -J D^2 J / 2, where J takes off the mean, the coordinates are the leading eigenvectors of B times the roots
    of their eigenvalues (Torgerson, 1952). Distances in so many dimensions are recovered exactly, others projected;
    what a negative eigenvalue stands for, which no points can have, is left out.

    Args:
        distances: (n, n), symmetric, zero on the diagonal, such as a `distance_matrix`.
        dimensions: Number of coordinates, 1..n.

    Returns:
        (n, dimensions) float64, centred, the axes in decreasing order of their spread. Of an axis' two directions it is
        the one in which the point farthest from the middle, the first of equals, is positive.

    Raises:
        ValueError: If the distances are not such a matrix, or have not so many dimensions.

    Example:
        >>> embed(torch.tensor([[0.0, 2.0], [2.0, 0.0]]), 1).round(decimals=6)
        tensor([[ 1.],
                [-1.]], dtype=torch.float64)
    """
    d = distances.detach().double()
    if d.dim() != 2 or len(d) != d.shape[-1]:
        raise ValueError(f"distances are a square matrix (n, n), not of shape {tuple(d.shape)}")
    if not 1 <= dimensions <= len(d):
        raise ValueError(f"{len(d)} networks are drawn in 1 to {len(d)} dimensions, not {dimensions}")
    if not d.isfinite().all() or bool((d < 0).any()) or not torch.allclose(d, d.T) or bool(d.diagonal().any()):
        raise ValueError(
            "distances are finite, not negative, the same both ways and zero on the diagonal, and these are not: "
            "compute them by `distance_matrix`, without networks of which the training diverged"
        )
    squares = d.square()
    inner = -(squares - squares.mean(0) - squares.mean(1, keepdim=True) + squares.mean()) / 2
    values, vectors = torch.linalg.eigh((inner + inner.T) / 2)
    order = values.argsort(descending=True, stable=True)[:dimensions]
    points: Tensor = vectors[:, order] * values[order].clamp(min=0).sqrt()
    points = points - points.mean(0)  # of an axis that is rounding error only, the middle may be too
    return points * _signs(points)


def _signs(points: Tensor) -> Tensor:
    """The sign, of each axis, of the point farthest out; (dimensions,)."""
    out = points.abs()
    first = (out >= out.amax(0) * (1 - 1e-9)).byte().argmax(0)  # rounding must not choose between two as far out
    return torch.where(points.gather(0, first[None])[0] < 0, -1.0, 1.0)
