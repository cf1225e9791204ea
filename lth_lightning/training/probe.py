"""Looking at a network while it trains, without changing what it becomes."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from lightning.pytorch import Callback, LightningModule, Trainer

from ..files import rewrite
from ..sparsity import Clock, Mask
from .misfit import MisfitError
from .moments import clock_of
from .sampling import Batch, first_images
from .sparsify import Sparsify
from .timing import note, noted

Row = dict[str, Any]


class Probe(Callback, ABC):
    """Looks at a network at moments of its training, and writes a row of each look into a file of its folder.

    It looks under the mask that the training's `Sparsify` holds, if there is one, at a fixed set of training images as
    they are, not augmented, from a fresh loader. Training is bit for bit the same with and without it. Rows are this
    callback's state, so that a resumed training holds none twice; its wall time, and nothing else, goes into
    `timing.json`. To write one, say when a look is `due` and what it is.

    Args:
        images: How many training images to look at, or all if there are fewer.

    Raises:
        ValueError: If there is no image; or, as a MisfitError when training starts, if there is no data module.
    """

    name: ClassVar[str]
    """What its file is called."""

    def __init__(self, images: int = 1000) -> None:
        if images < 1:
            raise ValueError(f"images is {images}: look at 1 training image or more, such as 1000")
        self.images = images
        self.rows: list[Row] = []
        self._batches: list[Batch] = []
        self._seconds = 0.0

    @abstractmethod
    def due(self, step: int, clock: Clock, ended: bool) -> bool:
        """Whether to look after so many optimizer steps.

        Args:
            step: Number of completed optimizer steps.
            clock: How long the training is.
            ended: Whether it ends here, be it early.
        """

    @abstractmethod
    def look(self, module: LightningModule, mask: Mask | None, batches: list[Batch]) -> Row:
        """What there is to say of a network, as plain values; it is left as it is.

        Args:
            module: What is trained.
            mask: Its mask, if it has one.
            batches: The fixed images and their labels.
        """

    def before_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        """The mask is about to move from this one."""

    def after_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        """The mask has moved to this one."""

    def state_dict(self) -> dict[str, Any]:
        """All rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the rows."""
        self.rows = list(state_dict["rows"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find the mask and the images; the first look waits until all other callbacks are ready too."""
        folder = Path(trainer.default_root_dir)
        self._path, self._timing = folder / f"{self.name}.jsonl", folder / "timing.json"
        data = getattr(trainer, "datamodule", None)
        if data is None:
            raise MisfitError(f"{type(self).__name__} looks at training images, but there is no data module: give one")
        self._clock = clock_of(trainer)
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        self._sparsify = next((each for each in callbacks if isinstance(each, Sparsify)), None)
        if self._sparsify is not None:
            self._sparsify.watchers.append(self)
        self._starting = True
        self._seconds = noted(self._timing, self.name)
        with self._timed():
            self._batches = first_images(data, self.images)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Look before the first step."""
        if self._starting:
            self._starting = False
            self._look_if_due(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look after a step."""
        self._look_if_due(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at an early end, before the last checkpoint is saved."""
        if trainer.should_stop:
            self._look_if_due(trainer, pl_module, ended=True)
        self._note(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at an end that another callback has just decided on, and let go of the mask."""
        self._look_if_due(trainer, pl_module, ended=True)
        self._note(trainer)
        self._let_go()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Let go of the mask."""
        self._let_go()

    def add(self, trainer: Trainer, row: Row) -> None:
        """Add a row, and write all of them.

        Args:
            trainer: Its step becomes the row's.
            row: Plain values.
        """
        seen = sum(len(labels) for _, labels in self._batches)
        self.rows.append({"step": trainer.global_step, **row, "images": seen})
        if trainer.is_global_zero:
            rewrite(self._path, "".join(json.dumps(row) + "\n" for row in self.rows))

    def seen(self, module: LightningModule, mask: Mask | None) -> Row:
        """A look, on the clock."""
        with self._timed():
            return self.look(module, mask, self._batches)

    def _look_if_due(self, trainer: Trainer, module: LightningModule, ended: bool = False) -> None:
        step = trainer.global_step
        if self.due(step, self._clock, ended) and not any(
            row["step"] == step and "when" not in row for row in self.rows
        ):
            self.add(trainer, self.seen(module, None if self._sparsify is None else self._sparsify.mask))

    @contextmanager
    def _timed(self) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self._seconds += time.perf_counter() - begun

    def _note(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            note(self._timing, self.name, self._seconds)

    def _let_go(self) -> None:
        sparsify = getattr(self, "_sparsify", None)  # of a training that did not even start
        if sparsify is not None and self in sparsify.watchers:
            sparsify.watchers.remove(self)
