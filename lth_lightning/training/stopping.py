"""Training ends at a step."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class StopAt(Callback):
    """Ends training after a number of optimizer steps, within an epoch if it must be.

    Instead of Lightning's `max_steps`, under which Lightning 2.6 does not resume exactly from an epoch's end.

    Args:
        steps: The number of optimizer steps.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop after the last step: the epoch is validated and ends here."""
        if trainer.global_step >= self.steps:
            trainer.should_stop = True
