"""Who sees masks move."""

from typing import Protocol

from lightning.pytorch import LightningModule, Trainer

from ..sparsity import Mask


class Watcher(Protocol):
    """Sees masks move."""

    def before_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        """The mask so far, `mask`, is about to be left; weights and states of the optimizer are as they were."""

    def after_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        """The mask is now `mask`; what it prunes of weights and states of the optimizer is zero."""
