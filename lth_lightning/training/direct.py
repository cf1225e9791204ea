"""The step of a plain training, without the machinery that general ones need."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loops.optimization.automatic import _AutomaticOptimization
from lightning.pytorch.plugins import HalfPrecision, MixedPrecision, Precision
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch.optim import Optimizer

HOOKS = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")
OWN_STEP = ("optimizer_step", "optimizer_zero_grad", "backward", "configure_gradient_clipping")


class DirectOptimization(_AutomaticOptimization):
    """Does what Lightning's automatic optimization does, by straight calls where a training is plain.

    Lightning builds closures and asks every callback at every hook, at some 0.2 ms a step: a sixth of a step of
    LeNet-300-100. A training is plain on one device, without accumulation, clipping or a gradient scaler, by a module
    that leaves `optimizer_step`, `backward` and their like alone. The order of calls is Lightning's, and so are the
    results, bit for bit; any other training takes Lightning's own way.
    """

    _plain: bool | None = None

    def run(self, optimizer: Optimizer, batch_idx: int, kwargs: OrderedDict[str, Any]) -> dict[str, Any]:
        """One optimizer step on one batch."""
        if self._plain is None:
            self._plain = plain(self.trainer, optimizer)
            self._hooks = {name: listeners(self.trainer, name) for name in HOOKS}
        if not self._plain:
            return super().run(optimizer, batch_idx, kwargs)
        module, progress = self.trainer.lightning_module, self.optim_progress.optimizer
        progress.step.increment_ready()
        module._current_fx_name = "training_step"
        with self.trainer.precision_plugin.train_step_context():
            output: Any = module.training_step(*kwargs.values())
        module._current_fx_name = None
        loss = output["loss"] if isinstance(output, dict) else output
        if loss is not None:
            progress.zero_grad.increment_ready()
            self._tell("on_before_zero_grad", optimizer)
            progress.zero_grad.increment_started()
            optimizer.zero_grad()
            progress.zero_grad.increment_completed()
            self._tell("on_before_backward", loss)
            loss.backward()
            self._tell("on_after_backward")
        self._tell("on_before_optimizer_step", optimizer)
        optimizer.step()
        progress.step.increment_completed()
        if loss is None:
            return {}
        extra = output if isinstance(output, dict) else {}
        return {**extra, "loss": loss.detach()}

    def _tell(self, name: str, *args: Any) -> None:
        for listener in self._hooks[name]:
            listener(*args)


def plain(trainer: Trainer, optimizer: Optimizer) -> bool:
    """Whether a training needs none of what `DirectOptimization` leaves out."""
    module, precision = trainer.lightning_module, trainer.precision_plugin
    return (
        type(trainer.strategy) is SingleDeviceStrategy
        and type(precision) in (Precision, MixedPrecision, HalfPrecision)
        and getattr(precision, "scaler", None) is None
        and trainer.accumulate_grad_batches == 1
        and not trainer.gradient_clip_val
        and not isinstance(optimizer, torch.optim.LBFGS)
        and not any(getattr(type(module), name) is not getattr(LightningModule, name) for name in OWN_STEP)
    )


def listeners(trainer: Trainer, name: str) -> list[Callable[..., None]]:
    """Who has something to do at a hook: callbacks in their order, then the module."""
    module = trainer.lightning_module

    def bound(hook: Callable[..., None], *first: Any) -> Callable[..., None]:
        def call(*args: Any) -> None:
            module._current_fx_name = name  # what `self.log` asks for
            hook(*first, *args)
            module._current_fx_name = None

        return call

    callbacks = [each for each in trainer.callbacks if getattr(type(each), name) is not getattr(Callback, name)]  # type: ignore[attr-defined]
    found = [bound(getattr(callback, name), trainer, module) for callback in callbacks]
    if getattr(type(module), name) is not getattr(LightningModule, name):
        found.append(bound(getattr(module, name)))
    return found
