"""The step of a plain training, without the machinery that general ones need."""

from collections import OrderedDict
from collections.abc import Callable
from inspect import signature
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loops.fetchers import _DataFetcher, _DataLoaderIterDataFetcher
from lightning.pytorch.loops.optimization.automatic import _AutomaticOptimization
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.plugins import DoublePrecision, HalfPrecision, MixedPrecision, Precision
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.optim import Optimizer

from .together import Place

HOOKS = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")
TRANSFER = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
OWN_STEP = ("optimizer_step", "optimizer_zero_grad", "backward", "configure_gradient_clipping")


class DirectEpoch(_TrainingEpochLoop):
    """Lightning's loop over the batches of an epoch, by straight calls where a training is plain.

    Lightning asks every callback before and after every batch, asks six times whether anybody overrides the transfer of
    a batch that lies on the device already, and inspects the signature of `training_step`. With `DirectOptimization`.
    """

    _plain: bool | None = None

    @classmethod
    def into(cls, trainer: Trainer) -> None:
        """Let a new trainer run by this loop."""
        theirs = trainer.fit_loop.epoch_loop
        trainer.fit_loop.epoch_loop = loop = cls(trainer, theirs.min_steps, theirs.max_steps)
        loop.automatic_optimization = DirectOptimization(trainer)

    def advance(self, data_fetcher: _DataFetcher) -> None:
        """One batch."""
        if self._plain is None:
            self._plain = plain_batches(self.trainer, data_fetcher)
            self._before = listeners(self.trainer, "on_train_batch_start")
            self._after = listeners(self.trainer, "on_train_batch_end")
        if self.restarting or not self._plain:
            return super().advance(data_fetcher)
        trainer, progress, connector = self.trainer, self.batch_progress, self.trainer._logger_connector
        self.val_loop.restarting = False
        batch = trainer.precision_plugin.convert_input(next(data_fetcher)[0])
        index = self.batch_idx + 1
        progress.is_last_batch = data_fetcher.done
        if not lies_on(batch, trainer.strategy.root_device):
            batch = trainer.strategy.batch_to_device(batch)
        progress.increment_ready()
        connector.on_batch_start(batch)
        output = None if batch is None else self._step(batch, index)
        progress.increment_processed()
        self.update_lr_schedulers("step", update_plateau_schedulers=False)
        if self._num_ready_batches_reached():
            self.update_lr_schedulers("epoch", update_plateau_schedulers=False)
        for listener in self._after:
            listener(output, batch, index)
        connector.on_batch_end()
        progress.increment_completed()
        connector.update_train_step_metrics()
        return None

    def _step(self, batch: Any, index: int) -> Any:
        for listener in self._before:
            listener(batch, index)
        self.batch_progress.increment_started()
        kwargs = OrderedDict(batch=batch, batch_idx=index)
        return self.automatic_optimization.run(self.trainer.optimizers[0], index, kwargs)


class DirectOptimization(_AutomaticOptimization):
    """Does what Lightning's automatic optimization does, by straight calls where a training is plain.

    Lightning builds closures and asks every callback at every hook, at some 0.2 ms a step: a sixth of a step of
    LeNet-300-100. A training is plain on one device, without accumulation, clipping or a gradient scaler, by a module
    that leaves `optimizer_step`, `backward` and their like alone. The order of calls is Lightning's, and so are the
    results, bit for bit; any other training takes Lightning's own way. One that has a place steps with others.
    """

    place: Place | None = None  # where it steps with other trainings
    _plain: bool | None = None

    def run(self, optimizer: Optimizer, batch_idx: int, kwargs: OrderedDict[str, Any]) -> dict[str, Any]:
        """One optimizer step on one batch."""
        if self._plain is None:
            self._plain = plain(self.trainer, optimizer)
            self._hooks = {name: listeners(self.trainer, name) for name in HOOKS}
            joins = self.place is not None and self.place.join(self.trainer, kwargs["batch"], self._plain)
            self._joint = self.place if joins else None
        if not self._plain:
            return super().run(optimizer, batch_idx, kwargs)
        module, progress = self.trainer.lightning_module, self.optim_progress.optimizer
        progress.step.increment_ready()
        module._current_fx_name = "training_step"
        if self._joint is not None:
            output: Any = self._joint.step(kwargs["batch"])
        else:
            with self.trainer.precision_plugin.train_step_context():
                output = module.training_step(*kwargs.values())
        module._current_fx_name = None
        loss = output["loss"] if isinstance(output, dict) else output
        if loss is not None:
            progress.zero_grad.increment_ready()
            self._tell("on_before_zero_grad", optimizer)
            progress.zero_grad.increment_started()
            optimizer.zero_grad()
            progress.zero_grad.increment_completed()
            self._tell("on_before_backward", loss)
            (loss if self._joint is None else self._joint).backward()
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
        and type(precision) in (Precision, MixedPrecision, HalfPrecision, DoublePrecision)
        and getattr(precision, "scaler", None) is None
        and trainer.accumulate_grad_batches == 1
        and not trainer.gradient_clip_val
        and not isinstance(optimizer, torch.optim.LBFGS)
        and not any(getattr(type(module), name) is not getattr(LightningModule, name) for name in OWN_STEP)
    )


def plain_batches(trainer: Trainer, fetcher: _DataFetcher) -> bool:
    """Whether a training needs none of what `DirectEpoch` leaves out."""
    module, data = trainer.lightning_module, getattr(trainer, "datamodule", None)
    return (
        module.automatic_optimization
        and plain(trainer, trainer.optimizers[0])
        and not isinstance(fetcher, _DataLoaderIterDataFetcher)
        and not is_overridden("on_train_batch_start", module)  # by which a module may end an epoch
        and not any(is_overridden(hook, each) for hook in TRANSFER for each in (module, data))
        and len(signature(module.training_step).parameters) == 2
    )


def lies_on(batch: Any, device: torch.device) -> bool:
    """Whether a batch is a sequence of tensors that are all on the device."""
    return isinstance(batch, tuple | list) and all(isinstance(x, Tensor) and x.device == device for x in batch)


def listeners(trainer: Trainer, name: str) -> list[Callable[..., None]]:
    """Who has something to do at a hook: callbacks in their order, then the module."""
    module = trainer.lightning_module

    def bound(hook: Callable[..., None], *first: Any) -> Callable[..., None]:
        def call(*args: Any) -> None:
            module._current_fx_name = name  # what `self.log` asks for
            hook(*first, *args)
            module._current_fx_name = None

        return call

    callbacks = [each for each in trainer.callbacks if is_overridden(name, each)]  # type: ignore[attr-defined]
    found = [bound(getattr(callback, name), trainer, module) for callback in callbacks]
    if is_overridden(name, module):
        found.append(bound(getattr(module, name)))
    return found
