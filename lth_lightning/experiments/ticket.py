"""What is trained, and what has come of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule

from ..sparsity import Initialisation, Mask, Policy


class Built(NamedTuple):
    """A fresh set of what one training needs."""

    module: LightningModule
    data: LightningDataModule
    trainer: dict[str, Any]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """An image's (C, H, W), where the data module tells its `input_shape`."""
        return getattr(self.data, "input_shape", None)


@dataclass(frozen=True)
class Ticket:
    """What to train.

    Args:
        arm: What this training is called in tables: 'dense', 'ticket', 'reinitialised'...
        round: The round of pruning that it belongs to; 0 is before any.
        mask: What is kept; None for everything.
        start: The checkpoint to start from; None to start at step 0 from an initialisation.
        init: Seed of that initialisation; None for the replicate's own.
        initialise: How the kept weights are drawn, in place of the network's own way; only without `start`.
        density: The density asked for.
        more: Epochs to train beyond the end of the schedule, such as '10ep', for fine-tuning.
        own: Whether the config's own `Sparsify` has its way, where it has one.
        width: Share of the network's own width, for a narrower one; None for all of it.
        weights: Number of prunable weights that the density of a narrower network is a share of.
        callbacks: Makes further callbacks of its training, which come before all others, also that of its mask.
        labels: Further columns of its row.
        policy: Moves the mask during training, and gives the one to start with in place of `mask`.
        spent: Epochs of the trainings before it that it needs: to find its mask, and to have its starting weights.

    Raises:
        ValueError: If it both starts from a checkpoint and has an `initialise`.
    """

    arm: str = "dense"
    round: int = 0
    mask: Mask | None = None
    start: Path | None = None
    init: int | None = None
    initialise: Initialisation | None = None
    density: float = 1.0
    more: str = "0ep"
    own: bool = False
    width: float | None = None
    weights: int | None = None
    callbacks: Callable[[], Sequence[Callback]] = tuple
    labels: Mapping[str, Any] = field(default_factory=dict)
    policy: Policy | None = None
    spent: int = 0

    def __post_init__(self) -> None:
        if self.start is not None and self.initialise is not None:
            raise ValueError(f"the ticket starts from {self.start}, so its weights are not drawn: give no initialise")


@dataclass(frozen=True)
class Result:
    """A finished training.

    Args:
        folder: Its folder, with `last.ckpt` (the trained network), `result.pt` and the kept checkpoints.
        row: What `results.jsonl` says of it.
    """

    folder: Path
    row: Mapping[str, Any]

    @property
    def mask(self) -> Mask:
        """The mask that it was trained under, dense where nothing was pruned; read anew, so that no round keeps one."""
        return Mask(torch.load(self.folder / "result.pt", weights_only=True)["mask"])

    @property
    def trained(self) -> Path:
        """The checkpoint of the trained network."""
        return self.folder / "last.ckpt"

    def kept(self, moment: str) -> Path:
        """The checkpoint that was kept at a moment."""
        return self.folder / f"kept-{moment}.ckpt"
