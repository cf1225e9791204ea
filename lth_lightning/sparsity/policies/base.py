"""What every policy is."""

from abc import ABC, abstractmethod
from typing import Self

from torch import nn

from ..mask import Mask
from ..sample import Draw, nothing


class Policy(ABC):
    """How the mask moves during one training.

    `reads_data` and `reads_weights` say, as a criterion's do, what the mask to start with depends on.
    """

    @property
    def reads_data(self) -> bool:
        """Whether the mask to start with depends on training images."""
        return True

    @property
    def reads_weights(self) -> bool:
        """Whether the mask to start with depends on the network's weights."""
        return True

    @abstractmethod
    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        """The mask to start with.

        Args:
            net: The network or LightningModule before its first step.
            weights: The dense mask of the weights that may be pruned.
            draw: Gives the training images that a `Sample` describes, for policies that look at data.
        """

    def check(self, weights: Mask) -> None:
        """Raise a ValueError if it cannot give a mask.

        Args:
            weights: The dense mask of the weights that may be pruned.
        """
        return None

    def update(self, net: nn.Module, mask: Mask, step: int) -> Mask:
        """The mask from here on; asked before every optimizer step, when the dense gradients are there.

        Args:
            net: The network, whose `.grad` are those of all weights, pruned ones included.
            mask: The mask so far. Returning the same object says that nothing changed, and costs nothing.
            step: Number of completed optimizer steps.
        """
        return mask

    def reseeded(self, seed: int) -> Self:
        """This policy for another replicate; the same one, unless it draws random numbers."""
        return self
