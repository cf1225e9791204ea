"""Checkpoints: the moment to rewind to, and the one to resume from. Both are ordinary Lightning checkpoints."""

import io
import math
import time
from contextlib import nullcontext
from pathlib import Path
from signal import Signals
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from ..files import replacing
from ..preemption import StoppedError, asked
from ..sparsity import Moment
from .misfit import MisfitError
from .moments import clock_of
from .ranks import largest


class InPlace(TorchCheckpointIO):
    """Writes a checkpoint where it is to be.

    Lightning's own writes it to the system's temporary folder first, often another and smaller disk, and copies it.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write by way of memory: torch's own writer hides that a disk is full."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).write_bytes(buffer.getbuffer())


def save(trainer: Trainer, path: Path) -> None:
    """Save a checkpoint that is either whole or absent."""
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:  # one that was chosen stays
        trainer.strategy.checkpoint_io = InPlace()
    with replacing(path) if trainer.is_global_zero else nullcontext(path) as partial:
        trainer.save_checkpoint(partial)
    trainer.strategy.barrier()  # all find it


class KeepCheckpoint(Checkpoint):
    """Keeps the checkpoint of one moment of training, to rewind to.

    `at='500it'` is the state after exactly 500 optimizer steps, '0it' that before the first, '2ep' that after two
    epochs and their validation.

    Args:
        path: The file to write.
        at: The moment: '500it', '2ep' or 'end'.

    Raises:
        ValueError: If the moment is misspelt; or, as a MisfitError when training starts, if it ends there or before.
    """

    def __init__(self, path: str | Path, at: str) -> None:
        self.path = Path(path)
        self.at = at
        self._moment = Moment.parse(at)

    @property
    def state_key(self) -> str:
        """One key per moment, so that one training can keep several."""
        return f"KeepCheckpoint({self.at})"

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that the moment will come; keep the checkpoint of step 0."""
        clock = clock_of(trainer)
        self._step = self._moment.steps(clock)
        self._epoch_end = self._step % clock.epoch == 0 or self._step == clock.total
        if math.isinf(self._step):
            raise MisfitError(f"this training has no end, so {self.at} never comes: set trainer.max_epochs")
        if self._step > clock.total:
            raise MisfitError(
                f"training ends after {clock.total:.0f} steps, before {self.at} (step {self._step:.0f}): "
                "choose an earlier moment or train longer"
            )
        if self._step == clock.total and self._moment.unit != "end":
            raise MisfitError(
                f"training ends at {self.at} (step {self._step:.0f}), so nothing is left to train from there: "
                "choose an earlier moment or train longer"
            )
        if trainer.global_step > self._step and not self.path.exists():
            raise FileNotFoundError(f"{self.path} is missing, and training resumes after {self.at}: delete its folder")
        if self._step == 0 and trainer.global_step == 0:
            save(trainer, self.path)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the checkpoint of a step within an epoch."""
        if trainer.global_step == self._step and not self._epoch_end and not self.path.exists():
            save(trainer, self.path)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the checkpoint of an epoch's end."""
        if trainer.global_step == self._step and not self.path.exists():
            save(trainer, self.path)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that the moment came."""
        if not self.path.exists():
            raise MisfitError(
                f"training stopped after {trainer.global_step} steps, before {self.at} (step {self._step:.0f}): "
                "choose an earlier moment, or let it train that long"
            )


class LastCheckpoint(Checkpoint):
    """Keeps one checkpoint to resume from: saved when enough time has passed since the last, and at the end.

    When a signal asks to stop, it saves between two steps and leaves.

    Resuming is exact from wherever it was saved, so when it is saved changes no result.

    Args:
        path: The file to write.
        seconds: Save when so much time has passed; 0 saves after every step.
    """

    def __init__(self, path: str | Path, seconds: float = 20.0) -> None:
        self.path = Path(path)
        self.seconds = seconds
        self._saved = time.monotonic()
        self._ended = False

    def state_dict(self) -> dict[str, Any]:
        """Whether training had ended, be it before its last epoch."""
        return {"ended": self._ended}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore whether training had ended."""
        self._ended = state_dict["ended"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop at once when resuming a training that had ended, or when asked to before the first step."""
        self._due()
        self._leave_if_asked()
        trainer.should_stop = trainer.should_stop or self._ended

    def _due(self) -> bool:
        """Whether it is time to save, or a signal asks to stop; all processes do what one of them has to."""
        late = time.monotonic() - self._saved >= self.seconds
        agreed = largest(2 * (asked() or 0) + late)
        self._by = agreed // 2
        return agreed > 0

    def _leave_if_asked(self) -> None:
        if self._by:
            raise StoppedError(Signals(self._by))

    def _save(self, trainer: Trainer) -> None:
        save(trainer, self.path)
        self._saved = time.monotonic()
        self._leave_if_asked()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save within an epoch, between two optimizer steps; gradients half accumulated are in no checkpoint."""
        epoch_ends = trainer.should_stop or trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        if epoch_ends or not self._due():
            return
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save after an epoch and its validation; always after the last."""
        self._ended = trainer.should_stop or trainer.global_step >= clock_of(trainer).total
        due = self._due()
        if self._ended or due:
            self._save(trainer)
