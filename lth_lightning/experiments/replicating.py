"""How many trainings of an experiment step at once."""

from pathlib import Path
from typing import Any

from ..training import Classifier
from ..training.choosing import fitting, seconds_of_step
from .base import Built
from .trainer import quiet_trainer

TRIED = (1, 2, 4, 8, 16, 32)


def measured(built: Built, folder: Path, most: int) -> int:
    """The number that a second or two of steps says is the fastest on a GPU; 1 on a CPU, where each alone is faster.

    Args:
        built: The module, data module and Trainer arguments of one training; its data is there.
        folder: The experiment's.
        most: Number of trainings.
    """
    trainer, module = quiet_trainer(built.trainer, folder, [], 0), built.module
    device = trainer.strategy.root_device
    if device.type == "cpu" or not isinstance(module, Classifier):
        return 1
    loader: Any = built.data.train_dataloader()
    images, labels = (each.to(device) for each in next(iter(loader)))
    module.to(device)
    counts = [count for count in TRIED if count <= most]
    return fitting(lambda count: seconds_of_step(module, trainer, (images, labels), count), counts)
