"""The repellent and the attractive loss: training away from networks that were found before, or towards them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from ..sparsity import Mask
from .misfit import MisfitError
from .rewinding import load
from .sparsify import Sparsify

Weights = Mapping[str, Tensor]


def directions(optima: Sequence[Weights], mask: Weights) -> Tensor:
    """The directions of networks on the weights that a mask keeps.

    Args:
        optima: R times weight name -> weights.
        mask: Weight name -> bool tensor, all on one device.

    Returns:
        (R, N) unit vectors over all N weights that the mask is over, zero where it prunes. One of zeros only where
        nothing is left of a network: it counts as orthogonal to every other. In the networks' precision, at least
        single.
    """
    rows = torch.stack([_flat(optimum, mask) for optimum in optima])
    lengths = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    return rows.div_(torch.where(lengths > 0, lengths, 1))  # in place: there may be many large networks


def repellent_loss(weights: Weights, mask: Weights, away: Tensor, strength: float) -> tuple[Tensor, dict[str, Tensor]]:
    """A loss that grows as weights turn to, or away from, given directions, and its gradient.

    strength / R * sum over the R directions of cos^2(weights * mask, direction): all of the strength if weights are
    parallel or antiparallel to each, none if they are orthogonal, whatever their length; none for weights that are
    all zero (Maene et al., 2021, arXiv:2106.06955).

    Args:
        weights: Weight name -> weights, of which those in the mask count.
        mask: Weight name -> bool tensor, on the device of the weights.
        away: The `directions` (R, N) of networks under this mask.
        strength: lambda_r: above 0 repels, below 0 attracts.

    Returns:
        The loss, and weight name -> its gradient, zero where the mask prunes; both in the directions' precision.

    Example:
        >>> mask = {"w": torch.tensor([True, True, False])}
        >>> away = directions([{"w": torch.tensor([0.0, 5.0, 7.0])}], mask)
        >>> loss, gradient = repellent_loss({"w": torch.tensor([3.0, 3.0, 9.0])}, mask, away, strength=2.0)
        >>> round(float(loss), 4), [round(value, 4) for value in gradient["w"].tolist()]
        (1.0, [-0.3333, 0.3333, 0.0])
    """
    flat = _flat(weights, mask).to(away)
    length = torch.linalg.vector_norm(flat)
    inverse = torch.where(length > 0, 1 / length, 0)
    unit = flat * inverse
    cosines = away @ unit
    squares = cosines.square()
    gradient = (2 * strength / len(away)) * inverse * (cosines @ away - squares.sum() * unit)
    parts = torch.split(gradient, [kept.numel() for kept in mask.values()])
    return strength * squares.mean(), {
        name: part.view_as(kept) for (name, kept), part in zip(mask.items(), parts, strict=True)
    }


def _flat(weights: Weights, mask: Weights) -> Tensor:
    """The masked weights of all layers as one vector, on the mask's device, at least in single precision."""
    layers = [weights[name].detach().to(kept.device) * kept for name, kept in mask.items()]
    flat = torch.cat([layer.flatten() for layer in layers])
    return flat.to(torch.promote_types(flat.dtype, torch.float32))


class Repel(Callback):
    """Adds to a training's loss that of being like networks that were trained before, or of being unlike them.

    The loss is that of `repellent_loss`, under the mask that the training's `Sparsify` holds. Before every optimizer
    step its gradient is added to the accumulated and unscaled one, before clipping; place this callback before
    `Sparsify`. At the end of every epoch its value is logged as `repellent_loss`. It has no state: it follows from the
    weights and the files.

    Args:
        optima: Checkpoints of trained networks. Of iterative pruning give those of all rounds before: repelled from
            the last one only, networks alternate between two optima.
        strength: lambda_r of Maene et al., 2021, arXiv:2106.06955, where 2 repels and -1 attracts.

    Raises:
        ValueError: If there is no optimum, or the strength is zero or not finite; or, as a MisfitError when training
            starts, if there is no `Sparsify`.
        DamagedFileError: When training starts, if a checkpoint is missing, damaged or of another network.
    """

    def __init__(self, optima: Sequence[str | Path], strength: float) -> None:
        if not optima:
            raise ValueError("optima is empty, so there is nothing to repel from: give at least one checkpoint")
        if not strength or not math.isfinite(strength):
            raise ValueError(f"strength is {strength}: give a number such as 2 to repel or -1 to attract")
        self.optima = [Path(path) for path in optima]
        self.strength = strength
        self._mask: Mask | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the optima."""
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        sparsify = next((each for each in callbacks if isinstance(each, Sparsify)), None)
        if sparsify is None:
            raise MisfitError("Repel compares networks under the mask of a Sparsify, and there is none: add one")
        self._sparsify = sparsify  # which may set its mask only after this
        self._weights = dict(sparsify.prunable(pl_module))
        states = (load(path, pl_module)["state_dict"] for path in self.optima)
        self._optima = [{name: state[name] for name in self._weights} for state in states]

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Add the gradient to that of the weights which are about to be stepped."""
        stepped = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
        _, gradient = self._loss()
        pairs = [
            (weight.grad, gradient[name])
            for name, weight in self._weights.items()
            if weight.grad is not None and id(weight) in stepped and name in gradient
        ]
        if pairs:
            torch._foreach_add_([grad for grad, _ in pairs], [more for _, more in pairs])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the loss of the weights as they are now."""
        pl_module.log("repellent_loss", self._loss()[0])

    @torch.no_grad()
    def _loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        mask = self._sparsify.mask
        assert mask is not None
        if mask is not self._mask:  # the first, or one that has moved
            self._mask = mask
            self._kept = {name: kept.to(self._weights[name].device) for name, kept in mask.items()}
            self._away = directions(self._optima, self._kept)
        return repellent_loss(self._weights, self._kept, self._away, self.strength)
