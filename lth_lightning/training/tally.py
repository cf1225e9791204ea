"""Accuracy and loss, accumulated on the device."""

import torch
from torch import Tensor
from torchmetrics import Metric


class Tally(Metric):
    """Mean loss and accuracy over samples: sums divided by the number of samples, so a short last batch is no bias.

    One metric for both, because each torchmetrics update costs as much as a small network's layer.
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

    def update(self, logits: Tensor, labels: Tensor, loss: Tensor) -> None:
        """Add a batch.

        Args:
            logits: (B, C).
            labels: (B,) int64.
            loss: () mean loss of the batch.
        """
        count = labels.numel()
        self.loss += loss.detach() * count
        self.hits += (logits.detach().argmax(1) == labels).sum()
        self.samples += count

    def compute(self) -> dict[str, Tensor]:
        """Mean 'loss' and 'accuracy', shares of 1."""
        count = self.samples.clamp(min=1)
        return {"loss": self.loss / count, "accuracy": self.hits / count}
