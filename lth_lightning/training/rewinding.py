"""Rewinding is resuming: a ticket's start is an ordinary checkpoint."""

from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from ..files import replacing
from ..sparsity import Mask

Checkpoint = dict[str, Any]


def load(path: Path) -> Checkpoint:
    """Read a checkpoint on the CPU; it holds plain values and tensors only, so no code is run.

    Raises:
        ValueError: If the file is truncated or no Lightning checkpoint.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        if "state_dict" in checkpoint and "loops" in checkpoint:
            return dict(checkpoint)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch.load raises what the damaged byte happens to cause
        raise ValueError(
            f"{path} cannot be read as a checkpoint (truncated, or not one): delete it, and the training restarts"
        ) from error
    raise ValueError(f"{path} is not a Lightning checkpoint of a training: delete it, and the training restarts")


def write_start(
    path: Path,
    clock: Path,
    weights: Path,
    mask: Mask | None = None,
    optimizer: Literal["fresh", "kept"] = "fresh",
) -> Path:
    """Write the checkpoint that a rewound training resumes from.

    Loops, data position and learning-rate schedule are the clock's; weights and buffers are the weights', masked; the
    state of the optimizer is empty, or the clock's. Callbacks start anew.

    Args:
        path: The file to write; an existing one is left, as it is the same.
        clock: Checkpoint of the moment to rewind to.
        weights: Checkpoint of the weights to start with.
        mask: What to zero.
        optimizer: 'fresh' for none of the clock's momentum; 'kept' for all of it, which replays the clock's run.
    """
    if path.exists():
        return path
    start = load(clock)
    state = start["state_dict"] if weights == clock else load(weights)["state_dict"]
    if mask is not None:
        mask.apply(state)
    if optimizer == "fresh":
        for saved in start["optimizer_states"]:
            saved["state"] = {}
    with replacing(path) as partial:
        torch.save({**start, "state_dict": state, "callbacks": {}, "train_tally": {}}, partial)
    return path


class HoldLearningRate(Callback):
    """Keeps the learning rate of the checkpoint that training starts from: fine-tuning after a schedule's end."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the schedules out of training."""
        trainer.strategy.lr_scheduler_configs = []
