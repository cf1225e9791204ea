"""The Hessian of the loss over the weights that a mask keeps and all other parameters, and its spectrum."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from .forward import Batches, joined
from .gradient_flow import asked

MOST = 5000  # coordinates: the matrix has 200 MB in double precision, and takes as many backward passes


class Loss:
    """The mean cross-entropy as a function of a network's free coordinates, in double precision.

    Free are the entries of trainable tensors that a mask does not prune; pruned ones are zero. The network is asked as
    in evaluation (running statistics of batch norm, no dropout), and left as it was.

    Args:
        net: The network, or a LightningModule whose forward gives logits.
        batches: (images, labels), held in memory.
        mask: Parameter name -> bool tensor, False where it prunes.

    Raises:
        ValueError: If there are no examples, or nothing is free.
    """

    def __init__(self, net: nn.Module, batches: Batches, mask: Mapping[str, Tensor] | None = None) -> None:
        self.net = net
        weights = {name: weight.detach().double() for name, weight in net.named_parameters()}
        self._trained = [name for name, weight in net.named_parameters() if weight.requires_grad]
        self._shapes = [weights[name].shape for name in self._trained]
        self._fixed = {name: value for name, value in weights.items() if name not in self._trained}
        self._fixed |= {n: b.double() if b.is_floating_point() else b.clone() for n, b in net.named_buffers()}
        free = [_free(weights[name], (mask or {}).get(name)) for name in self._trained]
        flat = torch.cat([weights[name].flatten() for name in self._trained]) if free else torch.zeros(0)
        self._places = torch.cat(free).nonzero().flatten() if free else torch.zeros(0)
        if len(self._places) == 0:
            raise ValueError("nothing of this network is free (trainable and kept), so its loss has no Hessian")
        self._zero = torch.zeros_like(flat)
        self.at = flat[self._places]
        self._batches = [(images.to(flat).contiguous(), labels.to(flat.device)) for images, labels in joined(batches)]
        self._count = sum(len(labels) for _, labels in self._batches)
        if self._count == 0:
            raise ValueError("there are no examples to take a Hessian on: give at least one batch")

    def __len__(self) -> int:
        return len(self.at)

    def _gradient(self, at: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        """Of one batch's part of the mean, differentiable once more."""
        flat = self._zero.index_put((self._places,), at)
        parts = torch.split(flat, [shape.numel() for shape in self._shapes])
        pieces = zip(self._trained, parts, self._shapes, strict=True)
        state = {**self._fixed, **{name: part.view(shape) for name, part, shape in pieces}}
        loss = cross_entropy(functional_call(self.net, state, (images,)), labels, reduction="sum") / self._count
        (gradient,) = torch.autograd.grad(loss, at, create_graph=True)
        return gradient

    def product(self, vector: Tensor) -> Tensor:
        """The Hessian times a vector (P,)."""
        return self._summed(lambda gradient, at: _derivative(gradient @ vector, at))

    def matrix(self) -> Tensor:
        """The Hessian, (P, P) and exactly symmetric; P backward passes."""

        def rows(gradient: Tensor, at: Tensor) -> Tensor:
            return torch.stack([_derivative(entry, at) for entry in gradient])

        found = self._summed(rows)
        return (found + found.T) / 2

    def _summed(self, of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        total: Tensor | None = None
        for images, labels in self._batches:
            with asked(self.net):
                at = self.at.clone().requires_grad_()
                part = of(self._gradient(at, images, labels), at)
            total = part if total is None else total.add_(part)
        assert total is not None
        return total


def _free(weight: Tensor, kept: Tensor | None) -> Tensor:
    """Which entries of a tensor may move, (N,) bool on its device."""
    return torch.ones_like(weight, dtype=torch.bool).flatten() if kept is None else kept.to(weight.device).flatten()


def _derivative(value: Tensor, at: Tensor) -> Tensor:
    """Of one more order."""
    (found,) = torch.autograd.grad(value, at, retain_graph=True)
    return found


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues, and which share of all directions each stands for.

    Attributes:
        values: (K,) float64 on the CPU, ascending: all eigenvalues, or the nodes of a quadrature.
        weights: (K,) that sum to 1; 1/K each where the spectrum is exact.
        size: Number of coordinates P.
        exact: Whether these are all P eigenvalues.
    """

    values: Tensor
    weights: Tensor
    size: int
    exact: bool

    @property
    def negative(self) -> float:
        """Number of eigenvalues below zero, by more than rounding may be; an estimate where it is not exact."""
        rounding = self.size * torch.finfo(torch.float64).eps * self.values.abs().max()
        return self.size * float(self.weights[self.values < -rounding].sum())


def coordinates(net: nn.Module, mask: Mapping[str, Tensor] | None = None) -> int:
    """How many coordinates are free: entries of trainable tensors that a mask does not prune."""
    kept = mask or {}
    trained = ((name, weight) for name, weight in net.named_parameters() if weight.requires_grad)
    return sum(int(kept[name].sum()) if name in kept else weight.numel() for name, weight in trained)


def hessian(net: nn.Module, batches: Batches, mask: Mapping[str, Tensor] | None = None, most: int = MOST) -> Tensor:
    """The Hessian of the mean cross-entropy over all free coordinates: kept weights and all other parameters.

    Masked coordinates are left out (Evci et al., 2022, arXiv:2010.03533). Coordinates are in the order of
    `named_parameters`. In double precision, as the sign of small eigenvalues is at stake, and in evaluation mode; the
    network is left as it was.

    Args:
        net: The network, or a LightningModule whose forward gives logits.
        batches: (images, labels).
        mask: Parameter name -> bool tensor, False where it prunes.
        most: The number of coordinates up to which it is computed.

    Returns:
        (P, P) float64 on the network's device.

    Raises:
        ValueError: If there are more coordinates than that, no examples, or nothing free.
    """
    if (free := coordinates(net, mask)) > most:
        raise ValueError(
            f"the Hessian over {free:,} coordinates is too large, {most:,} are the most: approximate its spectrum "
            "(approximate_spectrum, top_eigenvalues), or prune more weights"
        )
    return Loss(net, batches, mask).matrix()


def spectrum(net: nn.Module, batches: Batches, mask: Mapping[str, Tensor] | None = None, most: int = MOST) -> Spectrum:
    """All eigenvalues of the `hessian`, which has the same arguments and errors."""
    values = torch.linalg.eigvalsh(hessian(net, batches, mask, most)).cpu()
    return Spectrum(values, torch.full_like(values, 1 / len(values)), len(values), exact=True)
