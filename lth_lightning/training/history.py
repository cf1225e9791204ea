"""The curve of a training: one row per epoch, in a local file that is the truth for every other display."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from ..files import rewrite

Row = dict[str, Any]


class History(Checkpoint):
    """Writes the metrics that a module logs to `metrics.jsonl`, a row per epoch.

    The rows are this callback's state: a resumed training rewrites the file from them, so that it never holds an
    epoch twice.

    Args:
        path: The file.
        listener: Called with every new row, and after resuming with all old ones first.
    """

    def __init__(self, path: str | Path, listener: Callable[[Row], None] = lambda row: None) -> None:
        self.path = Path(path)
        self.listener = listener
        self.rows: list[Row] = []
        self._stepped = False

    def state_dict(self) -> dict[str, Any]:
        """All rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the rows, and tell the listener of them: after the last step nothing starts any more that could."""
        self.rows = list(state_dict["rows"])
        for row in self.rows:
            self.listener(row)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note that there is something to tell: Lightning ends an epoch again that it resumes from the end of."""
        self._stepped = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row: the epoch, the steps, the learning rate of the step to come, and every logged metric."""
        if not self._stepped:
            return
        self._stepped = False
        row: Row = {
            "epoch": trainer.current_epoch + 1,
            "step": trainer.global_step,
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
            **{name: value.item() for name, value in trainer.callback_metrics.items()},
        }
        self.rows.append(row)
        if trainer.is_global_zero:
            rewrite(self.path, "".join(json.dumps(row) + "\n" for row in self.rows))
        self.listener(row)
