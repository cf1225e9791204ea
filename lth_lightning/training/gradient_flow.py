"""Gradient flow: the norm of the gradient while a network trains, and what a change of its mask does to it."""

from typing import ClassVar

from lightning.pytorch import LightningModule, Trainer

from ..analysis import GradientNorm, gradient_norm
from ..analysis.gradient_flow import Normalisation
from ..sparsity import Clock, Mask, Moment
from .probe import Probe, Row
from .sampling import Batch


class GradientFlow(Probe):
    """Writes the norm of the gradient on fixed training images to `gradient_flow.jsonl`, as it goes on.

    A row has `step`, `norm`, that of each tensor in `layers`, and on how many `images`; one about a change of the mask
    has `when: move`, and the norm `before` and `after` it. Cross-entropy only, without weight decay, and without the
    entries of pruned weights (Evci et al., 2022, arXiv:2010.03533, who take 1000 images every 200 steps). Rows are of
    the first step, every so many steps, and the last.

    Args:
        every: How often to look: '200it', or '1ep' for once an epoch.
        images: How many training images to look at, not augmented; all if there are fewer.
        batch_norm: What batch norm normalises by: 'running' statistics, as in evaluation, or those of the 'batch' at
            hand, as in training.

    Raises:
        ValueError: If a period is misspelt or has no length, there is no image, or no such normalisation.
    """

    name: ClassVar[str] = "gradient_flow"

    def __init__(self, every: str = "200it", images: int = 1000, batch_norm: Normalisation = "running") -> None:
        super().__init__(images)
        period = Moment.parse(every)
        if period.unit == "end" or period.count == 0:
            raise ValueError(f"every is '{every}': look after each so many steps or epochs, such as '200it' or '1ep'")
        if batch_norm not in ("running", "batch"):
            raise ValueError(f"batch_norm is '{batch_norm}': normalise by 'running' statistics or those of the 'batch'")
        self.every = every
        self.batch_norm = batch_norm
        self._period = period
        self._before = 0.0

    def due(self, step: int, clock: Clock, ended: bool) -> bool:
        """At the first step, every so many, and at the end."""
        return ended or not self.rows or step == clock.total or step % self._period.steps(clock) == 0

    def look(self, module: LightningModule, mask: Mask | None, batches: list[Batch]) -> Row:
        """The norms now."""
        found = self._norm(module, mask, batches)
        return {"norm": found.total, "layers": dict(found.layers)}

    def before_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        """Take the norm before the mask moves."""
        self._before = self.seen(module, mask)["norm"]

    def after_move(self, trainer: Trainer, module: LightningModule, mask: Mask) -> None:
        """Take it after."""
        after = self.seen(module, mask)["norm"]
        self.add(trainer, {"when": "move", "before": self._before, "after": after})

    def _norm(self, module: LightningModule, mask: Mask | None, batches: list[Batch]) -> GradientNorm:
        return gradient_norm(module, batches, mask, self.batch_norm)
