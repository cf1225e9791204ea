"""The pruning callback."""

import warnings
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from ..sparsity import Initialisation, Mask, Policy, Prunable
from .sampling import Drawn

# Optimizers under which a weight whose gradient, value and states are zero keeps all of them at exactly zero, so that
# masking the gradient is enough: two passes over all weights fewer in every step. Any other one gets them.
ZERO_KEEPING = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)


class CollapseWarning(UserWarning):
    """A mask keeps no weight of a layer."""


class Sparsify(Callback):
    """Trains any LightningModule under a mask.

    Before the first step the policy gives the mask (a resumed training restores it instead). Before every optimizer
    step the policy may move it, seeing the dense gradients; then the gradients of pruned weights are zeroed, before
    clipping and before a module logs their norm. After every optimizer step pruned weights, and every state of the
    optimizer that has their shape, are zeroed: a weight that comes back starts without momentum, in any optimizer.

    The mask is this callback's state, so checkpoints carry it; the network's own state has the keys and shapes of the
    dense network.

    Args:
        policy: Where the mask comes from and how it moves: `AtInit`, `Fixed`, or a class of your own.
        prunable: Which weights the mask is over; by default all of convolutions and linear layers.
        initialise: How the kept weights are drawn once there is a mask, in place of the network's own initialisation;
            not where a training starts from a checkpoint.
        seed: Names these draws; `lth` replaces it by the seed of the network's initialisation.
    """

    state_key = "Sparsify"

    def __init__(
        self,
        policy: Policy,
        prunable: Prunable = Prunable(),  # noqa: B008 (frozen)
        initialise: Initialisation | None = None,
        seed: int = 0,
    ) -> None:
        self.policy = policy
        self.prunable = prunable
        self.initialise = initialise
        self.seed = seed
        self.mask: Mask | None = None
        self.history: list[tuple[int, dict[str, int]]] = []
        self.dense_gradients = 0
        self._handles: list[RemovableHandle] = []

    def state_dict(self) -> dict[str, Any]:
        """The mask, as plain tensors, and what has become of it so far."""
        if self.mask is None:
            return {}
        return {"mask": dict(self.mask), "history": self.history, "dense_gradients": self.dense_gradients}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the mask and its history, which older checkpoints lack."""
        self.mask = Mask(state_dict["mask"]) if "mask" in state_dict else None
        self.history = list(state_dict.get("history", []))
        self.dense_gradients = state_dict.get("dense_gradients", 0)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the mask, fresh or restored, and zero what it prunes; from here on every step keeps it."""
        self._weights = dict(self.prunable(pl_module))
        self._moves = type(self.policy).update is not Policy.update
        if self.mask is None:
            data = getattr(trainer, "datamodule", None)
            self.mask = self.policy.start(pl_module, Mask.dense(self._weights), partial(Drawn, data))
            if self.initialise is not None and trainer.ckpt_path is None:
                self.initialise(pl_module, self.mask, self.seed)
            self._note(trainer)
        if collapsed := self.mask.collapsed():
            warnings.warn(
                f"nothing is kept of {', '.join(collapsed)}, so no signal passes there: "
                "keep more weights, or divide the density otherwise (allocation)",
                CollapseWarning,
                stacklevel=2,
            )
        self._set(self.mask)
        for optimizer in trainer.optimizers:
            self._zero_states(optimizer)
            if type(optimizer) not in ZERO_KEEPING or self._others_follow(trainer, pl_module):
                self._handles.append(optimizer.register_step_post_hook(self._after_step))

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Let the policy move the mask, then zero the gradients of pruned weights."""
        assert self.mask is not None
        if self._moves and (mask := self.policy.update(pl_module, self.mask, trainer.global_step)) is not self.mask:
            self._set(mask)
            self._note(trainer)
            for each in trainer.optimizers:  # each, as a weight may come back before its own optimizer steps
                self._zero_states(each)
        pairs = [(w.grad, f) for w, f in zip(self._tensors, self._factors, strict=True) if w.grad is not None]
        _multiply([grad for grad, _ in pairs], [factor for _, factor in pairs])

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let go of the optimizers."""
        while self._handles:
            self._handles.pop().remove()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Let go of the optimizers, which may be used again."""
        self.on_train_end(trainer, pl_module)

    def _others_follow(self, trainer: Trainer, module: LightningModule) -> bool:
        """Whether somebody may change the gradients after they are masked, or step without Lightning knowing."""
        later = trainer.callbacks[trainer.callbacks.index(self) + 1 :]  # type: ignore[attr-defined]
        return (
            not module.automatic_optimization
            or is_overridden("on_before_optimizer_step", module)
            or is_overridden("configure_gradient_clipping", module)
            or any(is_overridden("on_before_optimizer_step", callback) for callback in later)
        )

    def _note(self, trainer: Trainer) -> None:
        assert self.mask is not None
        self.history.append((trainer.global_step, {name: kept for name, (kept, _) in self.mask.layers().items()}))

    def _set(self, mask: Mask) -> None:
        mask.apply(self._weights)
        self.mask = mask
        pruned = [name for name, (kept, size) in mask.layers().items() if kept < size]
        self._tensors: list[Tensor] = [self._weights[name] for name in pruned]
        # of the weights' own layout and type, so that one fused call multiplies them all
        self._factors = [torch.zeros_like(self._weights[name]).copy_(mask[name]) for name in pruned]

    @torch.no_grad()
    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        _multiply(self._tensors, self._factors)
        self._zero_states(optimizer)

    @torch.no_grad()
    def _zero_states(self, optimizer: Optimizer) -> None:
        states: list[Tensor] = []
        factors: list[Tensor] = []
        for weight, factor in zip(self._tensors, self._factors, strict=True):
            for state in optimizer.state.get(weight, {}).values():
                if isinstance(state, Tensor) and state.shape == weight.shape and state.is_floating_point():
                    states.append(state)
                    factors.append(factor)
        _multiply(states, factors)


def _multiply(tensors: list[Tensor], factors: list[Tensor]) -> None:
    """Multiply each tensor in place by its factor, in one fused call."""
    if tensors:
        torch._foreach_mul_(tensors, factors)
