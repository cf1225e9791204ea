"""The pruning callback."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from ..sparsity import Initialisation, Mask, Now, Policy, Prunable
from .fused import multiply_, states_of
from .misfit import MisfitError
from .moments import clock_of
from .ranks import part
from .sampling import Drawn
from .watching import Watcher

# Optimizers under which a weight whose gradient, value and states are zero keeps all of them at exactly zero, so that
# masking the gradient is enough: two passes over all weights fewer in every step. Any other one gets them.
ZERO_KEEPING = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)


class CollapseWarning(UserWarning):
    """A mask keeps no weight of a layer."""


class Sparsify(Callback):
    """Trains any LightningModule under a mask.

    Before the first step the policy gives the mask (a resumed training restores it instead). Before every optimizer
    step the policy may move it, seeing the dense gradients; then the gradients of pruned weights are zeroed, before
    clipping and before a module logs their norm. Where the policy's move replaces the step, all of the optimizer's
    gradients are set to None instead, so that it does nothing at all. After every optimizer step pruned weights, and
    every state of the optimizer that has their shape, are zeroed: a weight that comes back starts without momentum, in
    any optimizer. At the end of a batch that made a step the policy may move the mask again.

    On several devices all take the mask of the first.

    This callback's state, which checkpoints carry, is the mask, `history` (steps at which it was set or moved, and the
    number of weights kept per layer from there on), `dense_gradients` (how often the policy looked at the gradients of
    all weights), `images` (how many training images it drew to move the mask by) and `notes` (what it had to say of its
    moves). The network's own state has the keys and shapes of the dense network. Whoever is among `watchers` is told of
    moves, and `listener` of notes.

    Args:
        policy: Where the mask comes from and how it moves: `AtInit`, `Fixed`, `SET`, `RigL`, `Gradual`, or a class of
            your own.
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
        self.images = 0
        self.notes: list[dict[str, Any]] = []
        self.listener: Callable[[Mapping[str, Any]], None] = lambda note: None
        self.watchers: list[Watcher] = []
        self._handles: list[RemovableHandle] = []

    def state_dict(self) -> dict[str, Any]:
        """The mask and how it came about, as plain tensors and numbers."""
        if self.mask is None:
            return {}
        told = {"history": self.history, "dense_gradients": self.dense_gradients, "images": self.images}
        return {"mask": dict(self.mask), **told, "notes": self.notes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the mask and how it came about, which older checkpoints lack."""
        self.mask = Mask(state_dict["mask"]) if "mask" in state_dict else None
        self.history = [(step, dict(kept)) for step, kept in state_dict.get("history", [])]
        self.dense_gradients = state_dict.get("dense_gradients", 0)
        self.images = state_dict.get("images", 0)
        self.notes = list(state_dict.get("notes", []))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the mask, fresh or restored, and zero what it prunes; from here on every step keeps it.

        Raises:
            MisfitError: If the training is too short for the policy's moments, or the network is none that it prunes.
        """
        self._weights = dict(self.prunable(pl_module))
        self._clock, data = clock_of(trainer), getattr(trainer, "datamodule", None)
        draw = partial(Drawn, data, part=part())
        self._draw, self._shape = partial(draw, look=self._looked), getattr(data, "input_shape", None)
        try:
            self.policy.check_clock(self._clock)
            if self._shape is not None:
                self.policy.check_net(pl_module, Mask.dense(self._weights), self._shape, self._clock)
        except ValueError as error:
            raise MisfitError(str(error)) from error
        self._before, self._after = self.policy.moves_before, self.policy.moves_after
        self._decay = self._l2(trainer) if self.policy.moves else {}
        self._asked = trainer.global_step
        if self.mask is None:
            mask = self._agreed(trainer, self.policy.start(pl_module, Mask.dense(self._weights), draw))
            if self.initialise is not None and trainer.ckpt_path is None:
                self.initialise(pl_module, mask, self.seed)
        else:
            mask = self._placed(self.mask)
        if not self.history:  # nor is there any in checkpoints of older versions
            self._note(trainer, mask)
        if collapsed := mask.collapsed():
            warnings.warn(
                f"nothing is kept of {', '.join(collapsed)}, so no signal passes there: "
                "keep more weights, or divide the density otherwise (allocation)",
                CollapseWarning,
                stacklevel=2,
            )
        self._set(mask)
        for optimizer in trainer.optimizers:
            self._zero_states(optimizer)
            if type(optimizer) not in ZERO_KEEPING or self._others_follow(trainer, pl_module):
                self._handles.append(optimizer.register_step_post_hook(self._after_step))

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Let the policy move the mask, then zero the gradients of pruned weights."""
        assert self.mask is not None
        if self._before and self.policy.due(now := self._now(trainer)):
            self._move(trainer, pl_module, self.policy.update(pl_module, self.mask, now))
            if self.policy.replaces_steps:
                for group in optimizer.param_groups:
                    for weight in group["params"]:
                        weight.grad = None
        pairs = [(w.grad, f) for w, f in zip(self._tensors, self._factors, strict=True) if w.grad is not None]
        multiply_([grad for grad, _ in pairs], [factor for _, factor in pairs])

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Let the policy move the mask, if there was an optimizer step."""
        if self._after and trainer.global_step != self._asked:
            assert self.mask is not None
            self._asked = trainer.global_step
            if self.policy.due(now := self._now(trainer)):
                self._move(trainer, pl_module, self.policy.after(pl_module, self.mask, now))

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

    def _now(self, trainer: Trainer) -> Now:
        group = trainer.optimizers[0].param_groups[0]  # a scheduler keeps the base rate there
        share = group["lr"] / base if (base := group.get("initial_lr")) else 1.0
        more = self._draw, self._decay, self._shape, self._told
        return Now(trainer.global_step, self._clock, float(share), *more)

    def _looked(self, images: int) -> None:
        self.images += images

    def _told(self, note: Mapping[str, Any]) -> None:
        self.notes.append(dict(note))
        self.listener(note)

    def _l2(self, trainer: Trainer) -> dict[str, float]:
        """Weight name -> factor of the L2 term in its gradient; decoupled weight decay is none."""
        found = {
            id(weight): float(group.get("weight_decay", 0.0))
            for optimizer in trainer.optimizers
            if not isinstance(optimizer, torch.optim.AdamW)
            for group in optimizer.param_groups
            if not group.get("decoupled_weight_decay", False)
            for weight in group["params"]
        }
        return {name: found.get(id(weight), 0.0) for name, weight in self._weights.items()}

    def _move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        """Set a mask that the policy gave; it asked for it at this step on every device."""
        assert self.mask is not None
        self.dense_gradients += self.policy.reads_gradients
        mask = self._agreed(trainer, mask)
        if self.policy.changes_weights and trainer.world_size > 1:
            mine = {name: value.cpu() for name, value in module.state_dict().items()}
            module.load_state_dict(trainer.strategy.broadcast(mine))
        if mask is self.mask or mask == self.mask:
            return
        for watcher in self.watchers:
            watcher.before_move(trainer, module, self.mask)
        self._note(trainer, mask)
        self._set(mask)
        for optimizer in trainer.optimizers:  # each, as a weight may come back before its own optimizer steps
            self._zero_states(optimizer)
        for watcher in self.watchers:
            watcher.after_move(trainer, module, mask)

    def _agreed(self, trainer: Trainer, mask: Mask) -> Mask:
        """The first device's mask."""
        if trainer.world_size == 1:
            return mask if mask is self.mask else self._placed(mask)
        plain = {name: kept.cpu() for name, kept in mask.items()}  # a tensor on a GPU would go to that of the first
        return self._placed(Mask(trainer.strategy.broadcast(plain)))

    def _placed(self, mask: Mask) -> Mask:
        """The mask on its weights' devices."""
        mask.check(self._weights)
        return Mask({name: kept.to(self._weights[name].device) for name, kept in mask.items()})

    def _note(self, trainer: Trainer, mask: Mask) -> None:
        self.history.append((trainer.global_step, {name: kept for name, (kept, _) in mask.layers().items()}))

    def _set(self, mask: Mask) -> None:
        mask.apply(self._weights)
        self.mask = mask
        pruned = [name for name, (kept, size) in mask.layers().items() if kept < size]
        self._tensors: list[Tensor] = [self._weights[name] for name in pruned]
        # of the weights' own layout and type, so that one fused call multiplies them all
        self._factors = [torch.zeros_like(self._weights[name]).copy_(mask[name]) for name in pruned]

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        multiply_(self._tensors, self._factors)
        self._zero_states(optimizer)

    def _zero_states(self, optimizer: Optimizer) -> None:
        multiply_(*states_of(optimizer, self._tensors, self._factors))
