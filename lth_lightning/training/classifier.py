"""One LightningModule for all image classifiers."""

from functools import cache
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from ..sparsity import Clock, prunable
from .devices import default_channels_last
from .fused import align, fuse
from .misfit import MisfitError, check_shapes
from .moments import clock_of
from .ranks import weighted
from .schedules import Constant, LearningRateSchedule
from .tally import Tally

Batch = tuple[Tensor, Tensor]


class Stepwise(LambdaLR):
    """`LambdaLR` without the checks that torch makes at every step, which cost more than the schedule."""

    def step(self, epoch: int | None = None) -> None:
        """Set the learning rates for the next step."""
        self._step_count += 1
        self.last_epoch += 1
        factor = self.lr_lambdas[0](self.last_epoch)
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = base * factor
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]


class Classifier(LightningModule):
    """Trains a network to classify images with cross-entropy.

    Logs `train_`, `val_` and `test_` `loss` and `accuracy` once an epoch; nothing is read back from the device
    within a step.

    Args:
        net: Any network from images (B, C, H, W) to logits (B, classes), such as `lth_lightning.models.LeNet300100`
            or `torchvision.models.resnet18`.
        optimizer: Any torch optimizer by class path, such as `torch.optim.SGD` with `init_args: {lr: 0.1}`.
        schedule: A schedule with moments (`Constant`, `Milestones`, `Cosine`), stepped every optimizer step; or any
            torch scheduler by class path, stepped every epoch.
        label_smoothing: Share of each label given to all classes alike, in training.
        channels_last: Memory format of convolutions; by default channels last where that is fast and safe.
        compile: Whether to compile the network with `torch.compile`.
        decay: What the optimizer's weight decay acts on: 'all' parameters, or the 'weights' of convolutions and linear
            layers only, neither biases nor normalisation.

    Raises:
        ValueError: If `label_smoothing` is outside [0, 1), or `decay` another word.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: OptimizerCallable = lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
        schedule: LearningRateSchedule | LRSchedulerCallable = Constant(),  # noqa: B008 (frozen)
        label_smoothing: float = 0.0,
        channels_last: bool | None = None,
        compile: bool = False,
        decay: Literal["all", "weights"] = "all",
    ) -> None:
        super().__init__()
        if decay not in ("all", "weights"):
            raise ValueError(f"decay is 'all' or 'weights', what the optimizer's weight decay acts on, not {decay!r}")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing is a share of each label, from 0 to below 1, not {label_smoothing}")
        self.net = net
        self.optimizer = optimizer
        self.schedule = schedule
        self.label_smoothing = label_smoothing
        self.channels_last = channels_last
        self.compile_net = compile
        self.decay = decay
        self.train_tally, self.val_tally, self.test_tally = Tally(), Tally(), Tally()

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes the running hook on the module some fifty times a step, which a module's own way makes dear
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def setup(self, stage: str) -> None:
        """Check that the network fits the data, choose the memory format and compile; weights stay as they are.

        Raises:
            MisfitError: If the data module tells its `input_shape` and `num_classes`, and the network has others.
        """
        data: Any = getattr(self.trainer, "datamodule", None)
        if stage == "fit" and hasattr(data, "input_shape") and hasattr(data, "num_classes"):
            check_shapes(self.net, data.input_shape, data.num_classes)
        self.arrange(self.trainer.strategy.root_device)
        if self.compile_net:
            self.net.compile()

    def arrange(self, device: torch.device) -> None:
        """Choose the memory format of convolutions that train on a device."""
        if default_channels_last(self.net, device) if self.channels_last is None else self.channels_last:
            self.net.to(memory_format=torch.channels_last)

    def on_train_start(self) -> None:
        """Lay restored states of optimizers out as the weights are here."""
        for optimizer in self.trainer.optimizers:
            align(optimizer)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, C, H, W)."""
        logits: Tensor = self.net(images)
        return logits

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        images, labels = batch
        logits = self.net(images)
        loss = cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        self.train_tally.update(logits, labels, loss)
        return weighted(loss, len(labels))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Tally one batch."""
        self._evaluate(self.val_tally, batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Tally one batch."""
        self._evaluate(self.test_tally, batch)

    def predict_step(self, batch: Batch | Tensor, batch_idx: int) -> Tensor:
        """The most probable classes (B,) of one batch."""
        images = batch if isinstance(batch, Tensor) else batch[0]
        return self.forward(images).argmax(1)

    def _evaluate(self, tally: Tally, batch: Batch) -> None:
        images, labels = batch
        if len(labels):  # of several devices, one may have none of the last images
            logits = self.net(images)
            tally.update(logits, labels, cross_entropy(logits, labels))

    def _log(self, name: str, tally: Tally) -> None:
        self.log_dict({f"{name}_{key}": value for key, value in tally.compute().items()})
        tally.reset()

    def on_train_epoch_end(self) -> None:
        """Log the epoch's means."""
        self._log("train", self.train_tally)

    def on_validation_epoch_end(self) -> None:
        """Log the validation set's means."""
        self._log("val", self.val_tally)

    def on_test_epoch_end(self) -> None:
        """Log the test set's means."""
        self._log("test", self.test_tally)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the sums of an unfinished epoch, each device's, so that its means are the same after resuming."""
        checkpoint["state_dict"] = {name: _whole(value) for name, value in checkpoint["state_dict"].items()}
        checkpoint["train_tally"] = self.all_gather(self.train_tally.sums())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the sums of an unfinished epoch."""
        sums = checkpoint.get("train_tally", {})
        self.train_tally.restore({name: each[self.global_rank] if each.dim() else each for name, each in sums.items()})

    def _groups(self) -> list[dict[str, Any]]:
        """The weights, to decay as the optimizer is told, and all other parameters, not to decay."""
        weights = list(prunable(self).values())
        own = {id(weight) for weight in weights}
        others = [parameter for parameter in self.parameters() if id(parameter) not in own]
        return [{"params": weights}, *([{"params": others, "weight_decay": 0.0}] if others else [])]

    def configure_optimizers(self) -> Any:
        """The optimizer, fused where it can be, and its schedule."""
        try:
            optimizer = self.optimizer(self.parameters() if self.decay == "all" else self._groups())
        except (ValueError, TypeError) as error:
            raise MisfitError(
                f"the optimizer cannot be made of its arguments (--model.optimizer...): {error}"
            ) from error
        fuse(optimizer)
        if not isinstance(self.schedule, LearningRateSchedule):
            return [optimizer], [self.schedule(optimizer)]
        schedule, trainer = self.schedule, self.trainer

        @cache  # by what Lightning knows of the length: infinite until there is a loader
        def clock(batches: float) -> Clock:
            return clock_of(trainer)

        scheduler = Stepwise(optimizer, lambda step: schedule.factor(step, clock(trainer.num_training_batches)))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _whole(value: Tensor) -> Tensor:
    """A tensor of its own for one that is a slice: it would be written with all that it is a slice of."""
    return value.clone() if value.untyped_storage().nbytes() > value.nbytes else value
