"""What every policy is."""

from abc import ABC, abstractmethod
from dataclasses import fields, is_dataclass, replace
from typing import Any, Self

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

    def at(self, density: float) -> Self:
        """This policy with another density: its own, or that of the policy that gives its `initial` mask.

        Args:
            density: Share of the prunable weights to keep.

        Raises:
            ValueError: If it cannot be asked for one.
        """
        policy: Any = self
        names = {each.name for each in fields(policy)} if is_dataclass(policy) else set()
        if "density" in names:
            asked: Self = replace(policy, density=density)
        elif "initial" in names:
            asked = replace(policy, initial=policy.initial.at(density))
        else:
            raise ValueError(
                f"{type(self).__name__} has no density, so it cannot be asked for {density}: "
                "make it a dataclass with one"
            )
        return asked

    def reseeded(self, seed: int) -> Self:
        """This policy for another replicate; the same one, unless it draws random numbers."""
        return self
