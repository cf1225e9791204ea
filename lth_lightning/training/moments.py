"""The clock of a Lightning training."""

import math

from lightning.pytorch import Trainer

from ..sparsity import Clock
from .stopping import StopAt


def clock_of(trainer: Trainer) -> Clock:
    """How long a trainer trains; infinite while Lightning does not know yet."""
    batches = trainer.num_training_batches
    epoch = math.inf if math.isinf(batches) else math.ceil(batches / trainer.accumulate_grad_batches)
    epochs = math.inf if trainer.max_epochs in (None, -1) else float(trainer.max_epochs or 0)
    limits = [callback.steps for callback in trainer.callbacks if isinstance(callback, StopAt)]  # type: ignore[attr-defined]
    limits += [] if trainer.max_steps == -1 else [trainer.max_steps]
    return Clock(epoch, min([epochs * epoch if epochs else 0, *limits]))
