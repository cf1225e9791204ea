"""How long a training waits for its images."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from ..training.timing import note, read


class Waiting(Callback):
    """Notes at the end of each epoch how the training loader keeps its pace, summed over restarts.

    Only of loaders with a method `paced`, as that of images in folders: others hold their images in memory.

    Args:
        path: The training's `timing.json`.
        listener: Called with the loader's `advice`, where it has some.
    """

    def __init__(self, path: Path, listener: Callable[[Mapping[str, Any]], None]) -> None:
        self.path = path
        self.listener = listener
        self._before: dict[str, Any] = read(path).get("loader", {})

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note it, and pass advice on."""
        paced = getattr(trainer.train_dataloader, "paced", None)
        if paced is None or not trainer.is_global_zero:
            return
        told = paced(self._before)
        note(self.path, "loader", told)
        if told["advice"]:
            self.listener({"advice": told["advice"]})
