"""The Lightning Trainer of one training."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.profilers import Profiler

from ..training import DirectEpoch, StopAt
from ..training.alone import alone
from .refusals import refuse_open_end


def quiet_trainer(config: dict[str, Any], folder: Path, callbacks: list[Callback], more_epochs: int) -> Trainer:
    """A Lightning Trainer for one training in its folder, which leaves display and checkpoints to our callbacks.

    Args:
        config: The Trainer's arguments from the config.
        folder: The training's own folder.
        callbacks: All callbacks.
        more_epochs: Epochs beyond the config's.
    """
    steps = config.get("max_steps", -1)
    ours: dict[str, Any] = {
        "callbacks": [*callbacks, *([StopAt(steps)] if steps != -1 else [])],
        "max_steps": -1,
        "max_epochs": config.get("max_epochs") or (-1 if steps != -1 else None),
        "default_root_dir": folder,
        "logger": config.get("logger") or False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "profiler": config.get("profiler") or NoProfiler(),
    }
    if more_epochs:
        refuse_open_end(config)
        ours["max_epochs"] = config["max_epochs"] + more_epochs
    torch.backends.cudnn.deterministic = True  # or a resumed training would not be the same bit for bit
    torch.backends.cudnn.benchmark = False
    trainer = alone({**config, **ours})
    DirectEpoch.into(trainer)
    return trainer


class NoProfiler(Profiler):
    """Profiles nothing, at no cost: Lightning's own makes some fifty context managers a step."""

    _nothing: AbstractContextManager[None] = nullcontext()

    def start(self, action_name: str) -> None:
        """Nothing."""

    def stop(self, action_name: str) -> None:
        """Nothing."""

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]  # Lightning's yields
        """Nothing."""
        return self._nothing
