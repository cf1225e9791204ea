"""How long trainings will be, told before there are any."""

import math
from collections.abc import Mapping, Sized
from typing import Any

from ..sparsity import Clock
from .ticket import Built


def clock_before(built: Built) -> Clock:
    """The clock that a training will have; its data is there. Infinite where a loader does not know its length.

    Args:
        built: The module, data module and Trainer arguments of one training.
    """
    trainer = built.trainer
    built.data.setup("fit")
    loader = built.data.train_dataloader()
    batches = len(loader) if isinstance(loader, Sized) else math.inf
    limit = trainer.get("limit_train_batches")
    if limit is not None:
        batches = min(batches, limit) if isinstance(limit, int) else math.floor(batches * limit)
    if math.isinf(batches):
        return Clock(math.inf, _steps(trainer))
    epoch = math.ceil(batches / (trainer.get("accumulate_grad_batches") or 1))
    return Clock(epoch, min(_epochs(trainer) * epoch, _steps(trainer)))


def _epochs(trainer: Mapping[str, Any]) -> float:
    epochs = trainer.get("max_epochs")
    return math.inf if epochs in (None, -1) else float(epochs)


def _steps(trainer: Mapping[str, Any]) -> float:
    steps = trainer.get("max_steps", -1)
    return math.inf if steps in (None, -1) else float(steps)
