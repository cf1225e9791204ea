"""What every criterion is."""

from abc import ABC, abstractmethod
from typing import ClassVar, Self

from torch import nn

from ..allocation import Scores
from ..mask import Mask
from ..sample import Batches


class Criterion(ABC):
    """A score for every weight; `prune` keeps the best.

    Law: calling it leaves the network (weights, buffers, gradients, mode) and the random state as they were.

    `reads_data` says whether the scores depend on what the batches hold, `reads_weights` whether they depend on the
    network's weights; which sanity checks apply follows from them. Both are taken to be so unless denied.
    """

    reads_data: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, net: nn.Module, mask: Mask, batches: Batches) -> Scores:
        """Score the weights.

        Args:
            net: The network or LightningModule that has the weights.
            mask: What is kept now; its names are the weights to score.
            batches: (images, labels) for criteria that look at data.

        Returns:
            Weight name -> tensor of the weight's shape; higher is kept.
        """

    def reseeded(self, seed: int) -> Self:
        """This criterion for another replicate; the same one, unless it draws random numbers."""
        return self
