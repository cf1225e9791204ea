"""Accuracy and loss, accumulated on the device."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

_LOGITS_AT_ONCE = 1 << 18  # 1 MB


class Tally(Metric):
    """Mean loss and accuracy over samples: sums divided by the number of samples, so a short last batch is no bias.

    One metric for both, and hits are counted for many batches at once, because each small operation costs a small
    network as much as a layer. Counts are whole numbers, so when they are taken changes nothing.
    """

    full_state_update = False
    loss: Tensor
    hits: Tensor
    samples: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("loss", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("hits", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("samples", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._logits = 0

    def update(self, logits: Tensor, labels: Tensor, loss: Tensor) -> None:
        """Add a batch.

        Args:
            logits: (B, C).
            labels: (B,) int64.
            loss: () mean loss of the batch.
        """
        self.loss.add_(loss.detach(), alpha=len(labels))
        self._waiting.append((logits.detach(), labels))
        self._logits += logits.numel()
        if self._logits >= _LOGITS_AT_ONCE:
            self._count()

    def compute(self) -> dict[str, Tensor]:
        """Mean 'loss' and 'accuracy', shares of 1."""
        self._count()
        count = self.samples.clamp(min=1)
        return {"loss": self.loss / count, "accuracy": self.hits / count}

    def sums(self) -> dict[str, Tensor]:
        """The sums so far, to put into a checkpoint."""
        self._count()
        return {name: getattr(self, name).clone() for name in ("loss", "hits", "samples")}

    def restore(self, sums: dict[str, Tensor]) -> None:
        """Continue from sums out of a checkpoint."""
        for name, value in sums.items():
            getattr(self, name).copy_(value)

    def reset(self) -> None:
        """Begin anew."""
        super().reset()
        self._waiting, self._logits = [], 0

    def _count(self) -> None:
        if self._waiting:
            logits, labels = (torch.cat(part) for part in zip(*self._waiting, strict=True))
            self.hits += (logits.argmax(1) == labels).sum()
            self.samples += len(labels)
            self._waiting, self._logits = [], 0

    def _sync_dist(self, *args: Any, **kwargs: Any) -> None:
        self._count()
        super()._sync_dist(*args, **kwargs)
