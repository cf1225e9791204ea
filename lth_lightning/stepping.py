"""The step of a training, done in several ways and timed."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.nn.functional import cross_entropy

from .data.throughput import images_per_second
from .experiments import Built
from .experiments.trainer import quiet_trainer
from .sparsity import AtInit, Random
from .training import History, LastCheckpoint, SeedSteps, Sparsify
from .training.timing import now
from .training.together import Fleet, placed

Make = Callable[[], Built]
WARM = 5  # steps before the clock starts
HALF = AtInit(0.5, Random())


class Timed(Callback):
    """Times the steps of an epoch after the first few, and the first.

    Args:
        steps: Steps of the epoch.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the first."""
        self._started = now(trainer.strategy.root_device)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Begin once it is warm."""
        if batch_idx == WARM:
            self._begun = now(trainer.strategy.root_device)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End with the last."""
        if batch_idx == 0:
            self.first = now(trainer.strategy.root_device) - self._started
        if batch_idx == self.steps - 1:
            self.seconds = (now(trainer.strategy.root_device) - self._begun) / (self.steps - WARM)


def by_hand(built: Built, folder: Path, steps: int) -> float:
    """Seconds per step of a loop with nothing but loader, forward, loss, backward and optimizer."""
    trainer = quiet_trainer(built.trainer, folder, [], 0)
    device, module = trainer.strategy.root_device, built.module
    net: nn.Module = module.net.to(device).train()  # type: ignore[union-attr]
    module.arrange(device)  # type: ignore[operator]
    optimizer: Any = module.optimizer(net.parameters())  # type: ignore[operator]
    loader = iter(_loader(built, trainer))
    for step in range(steps):
        if step == WARM:
            begun = now(device)
        images, labels = (each.to(device) for each in next(loader))
        with trainer.precision_plugin.train_step_context():
            loss = cross_entropy(net(images), labels, label_smoothing=module.label_smoothing)  # type: ignore[arg-type]
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return (now(device) - begun) / (steps - WARM)


def through(built: Built, folder: Path, steps: int, sparse: bool = False) -> Timed:
    """The same through a Trainer, with what `lth run` adds: tallies, seeds, history, checkpoints; and half a mask."""
    timed = Timed(steps)
    own = [each for each in built.trainer["callbacks"] if not isinstance(each, Sparsify)]
    callbacks = [*own, *([Sparsify(HALF)] if sparse else []), SeedSteps(0), History(folder / "metrics.jsonl"), timed]
    config = {**built.trainer, "max_epochs": 1, "max_steps": -1, "limit_train_batches": steps, "limit_val_batches": 0}
    trainer = quiet_trainer(config, folder, [*callbacks, LastCheckpoint(folder / "last.ckpt")], 0)
    with placed() as place:
        if place is not None:
            place.reserve(trainer)
        trainer.fit(built.module, datamodule=built.data)
    return timed


def at_once(make: Make, folder: Path, steps: int, count: int) -> float:
    """Seconds per step of each of so many trainings that step together, with masks: their common time divided."""
    works = [partial(through, make(), folder / str(number), steps, sparse=True) for number in range(count)]
    return max(timed.seconds for timed in Fleet(count).run(works)) / count


def loading(built: Built, folder: Path, batches: int) -> float:
    """Seconds per image of the loader alone."""
    return 1 / images_per_second(_loader(built, quiet_trainer(built.trainer, folder, [], 0)), batches)


def _loader(built: Built, trainer: Trainer) -> Any:
    """The training loader, whose images are where it trains."""
    built.data.trainer = trainer
    return built.data.train_dataloader()


def evaluating(built: Built, folder: Path) -> tuple[float, int]:
    """Seconds that the images held out take to evaluate, once warm, and how many there are."""
    loader: Any = built.data.val_dataloader()
    images = sum(len(labels) for _, labels in loader)
    trainer = quiet_trainer({**built.trainer, "callbacks": []}, folder, [], 0)
    begun = now(trainer.strategy.root_device)
    for _ in range(2 * bool(images)):
        begun = now(trainer.strategy.root_device)
        trainer.validate(built.module, datamodule=built.data, verbose=False)
    return now(trainer.strategy.root_device) - begun, images
