"""ADMM: a training that draws the weights of every layer towards a few large ones, while all of them are trained."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from ..sparsity import Allocation, Prunable, Uniform, prune

Tensors = Mapping[str, Tensor]


@torch.no_grad()
def project(weights: Tensors, density: float, allocation: Allocation) -> dict[str, Tensor]:
    """The nearest weights that keep a density: the largest of every layer, and zeros.

    Args:
        weights: Weight name -> tensor of any shape.
        density: Share of all weights to keep, in (0, 1].
        allocation: How the density is divided over the layers.

    Returns:
        Weight name -> new tensor of the weight's shape.

    Raises:
        ValueError: If the density is out of reach, or a weight is not finite.
    """
    mask = prune({name: weight.abs() for name, weight in weights.items()}, density, allocation)
    return {name: weight.masked_fill(~mask[name], 0) for name, weight in weights.items()}


@torch.no_grad()
def update(weights: Tensors, u: Tensors, density: float, allocation: Allocation) -> tuple[Tensors, Tensors]:
    """The new Z = project(W + U) and U + W - Z (Zhang et al., 2018, arXiv:1804.03294, eq. 7 to 9).

    Args:
        weights: W: weight name -> tensor.
        u: U, the scaled dual variable: a tensor of each weight's shape.
        density: Share of all weights that Z keeps.
        allocation: How it is divided over the layers.
    """
    moved = {name: weight + u[name] for name, weight in weights.items()}
    z = project(moved, density, allocation)
    return z, {name: each - z[name] for name, each in moved.items()}


class Admm(Callback):
    """Adds rho/2 * ||W - Z + U||^2 to what is minimised, Z being sparse (Zhang et al., 2018, arXiv:1804.03294).

    At the start Z is the projection of W, and U is zero. At the start of every `every`-th epoch Z becomes the
    projection of W + U, and U grows by W - Z. Before every optimizer step the penalty's gradient is added to that of
    the loss: once for gradients that were accumulated, before they are clipped, and in their own scale. Nothing is
    pruned. Z and U are this callback's state. Logs `admm_residual`, the primal residual ||W - Z|| / ||W|| over all
    layers, once an epoch.

    Args:
        density: Share of all prunable weights that Z keeps.
        allocation: How it is divided over the layers.
        prunable: Which weights may be pruned.
        rho: How strongly weights are drawn towards Z - U; 0 for not at all.
        every: Number of epochs from one update of Z and U to the next.

    Raises:
        ValueError: If rho is negative, or `every` below 1.
    """

    state_key = "Admm"

    def __init__(
        self,
        density: float,
        allocation: Allocation = Uniform(),  # noqa: B008 (frozen)
        prunable: Prunable = Prunable(),  # noqa: B008 (frozen)
        rho: float = 0.001,
        every: int = 3,
    ) -> None:
        if not rho >= 0:
            raise ValueError(f"rho is {rho}, which would drive weights away from sparse ones: give 0 or more")
        if every < 1:
            raise ValueError(f"every is {every}: Z and U are updated every so many epochs, 1 or more")
        self.density = density
        self.allocation = allocation
        self.prunable = prunable
        self.rho = rho
        self.every = every
        self.z: Tensors = {}
        self.u: Tensors = {}

    def state_dict(self) -> dict[str, Any]:
        """Z and U, as plain tensors."""
        return {"z": dict(self.z), "u": dict(self.u)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore Z and U."""
        self.z, self.u = state_dict["z"], state_dict["u"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the projection of the weights for Z and zero for U, or what was restored, to where the weights are."""
        self._weights = self.prunable(pl_module)
        if not self.z:
            self.z = project(self._weights, self.density, self.allocation)
            self.u = {name: torch.zeros_like(weight) for name, weight in self._weights.items()}
        # in the weights' own layout, as sums over another one would be rounded otherwise
        self._set(*({n: torch.zeros_like(w).copy_(of[n]) for n, w in self._weights.items()} for of in (self.z, self.u)))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Update Z and U, if it is their epoch; Lightning leaves this out where it resumes within an epoch."""
        if trainer.current_epoch and trainer.current_epoch % self.every == 0:
            self._set(*update(self._weights, self.u, self.density, self.allocation))

    @torch.no_grad()
    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Add rho * (W - Z + U) to the gradients of the optimizer's weights."""
        own = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
        drawn = [(w, w.grad, self._off[n]) for n, w in self._weights.items() if id(w) in own and w.grad is not None]
        if drawn:
            weights, gradients, off = (list(each) for each in zip(*drawn, strict=True))
            torch._foreach_add_(gradients, torch._foreach_add(weights, off), alpha=self.rho)

    @torch.no_grad()
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the primal residual."""
        far = torch.stack([(weight - self.z[name]).norm() for name, weight in self._weights.items()]).norm()
        pl_module.log("admm_residual", far / torch.stack([each.norm() for each in self._weights.values()]).norm())

    def _set(self, z: Tensors, u: Tensors) -> None:
        self.z, self.u = z, u
        self._off = {name: u[name] - z[name] for name in z}
