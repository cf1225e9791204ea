"""Rewinding is resuming: a ticket's start is an ordinary checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from ..files import DamagedFileError, again, save
from ..sparsity import Mask, generator

Checkpoint = dict[str, Any]


def load(path: Path, into: nn.Module | None = None, remedy: str | None = None) -> Checkpoint:
    """Read a checkpoint on the CPU; it holds plain values and tensors only, so no code is run.

    Args:
        path: The file.
        into: The module whose state it should be.
        remedy: What to do if it is not; by default to begin its training again.

    Raises:
        DamagedFileError: If the file is missing, truncated, no Lightning checkpoint, or one of another network.
    """
    remedy = remedy or again(path)
    try:
        checkpoint = dict(torch.load(path, map_location="cpu", weights_only=True))
        there = _shapes(checkpoint["state_dict"])
        assert "loops" in checkpoint
    except FileNotFoundError as error:
        raise DamagedFileError(f"{path} is missing: {remedy}") from error
    except Exception as error:  # torch.load raises what the damaged byte happens to cause
        raise DamagedFileError(f"{path} is truncated, or not a Lightning checkpoint: {remedy}") from error
    here = there if into is None else _shapes(into.state_dict())
    for name in {**here, **there}:
        if here.get(name) != there.get(name):
            one, other = (shapes.get(name, "absent") for shapes in (there, here))
            raise DamagedFileError(f"{path} is of another network ({name} is {one} in it, {other} here): {remedy}")
    return checkpoint


def _shapes(state: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: "x".join(map(str, value.shape)) or "a number" for name, value in state.items() if hasattr(value, "shape")
    }


def write_start(
    path: Path,
    clock: Path,
    weights: Path,
    mask: Mask | None = None,
    optimizer: Literal["fresh", "kept", "anew"] = "fresh",
    shuffle: int | None = None,
) -> Path:
    """Write the checkpoint that a rewound training resumes from.

    Loops, data position and learning-rate schedule are the clock's; weights and buffers are the weights', masked; the
    state of the optimizer is empty, or the clock's. Callbacks start anew.

    Args:
        path: The file to write; an existing one is left, as it is the same.
        clock: Checkpoint of the moment to rewind to.
        weights: Checkpoint of the weights to start with.
        mask: What to zero.
        optimizer: 'fresh' for none of the clock's momentum; 'kept' for all of it, which replays the clock's run; 'anew'
            also without its settings and the state of its schedule, for a training with others from the first step on.
        shuffle: Seed to exchange the values of the weights that the mask keeps by, within each layer.
    """
    if path.exists():
        return path
    start = load(clock)
    state = start["state_dict"] if weights == clock else load(weights)["state_dict"]
    if mask is not None:
        mask.apply(state)
        if shuffle is not None:
            exchange(state, mask, shuffle)
    if optimizer == "fresh":
        for saved in start["optimizer_states"]:
            saved["state"] = {}
    if optimizer == "anew":
        start |= {"optimizer_states": [], "lr_schedulers": []}
    save({**start, "state_dict": state, "callbacks": {}, "train_tally": {}}, path)
    return path


def exchange(weights: Mapping[str, Tensor], mask: Mask, seed: int) -> None:
    """Permute the values of kept weights among the kept places of their layer, in place.

    Su et al., 2020, arXiv:2009.11094 (layerwise weight shuffling): the mask stays, and the values within a layer do.

    Args:
        weights: Weight name -> tensor; others than the mask's are left.
        mask: Which places are kept.
        seed: Names the draw.
    """
    for name, kept in mask.items():
        values = weights[name][kept]
        order = torch.randperm(len(values), generator=generator(f"exchange/{name}", seed))
        weights[name][kept] = values[order]


class HoldLearningRate(Callback):
    """Keeps the learning rate of the checkpoint that training starts from: fine-tuning after a schedule's end."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the schedules out of training."""
        trainer.strategy.lr_scheduler_configs = []
