"""What every policy is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Self

from torch import nn

from ..mask import Mask
from ..moments import Clock
from ..sample import Draw, nothing
from .now import Now


class Policy(ABC):
    """How the mask moves during one training.

    `reads_data` and `reads_weights` say, as a criterion's do, what the mask to start with depends on. A policy whose
    mask moves writes `update` or `after`, and `due` if it is not at every step.
    """

    @property
    def reads_data(self) -> bool:
        """Whether the mask to start with depends on training images."""
        return True

    @property
    def reads_weights(self) -> bool:
        """Whether the mask to start with depends on the network's weights."""
        return True

    @property
    def moves_before(self) -> bool:
        """Whether it is asked to `update` the mask before optimizer steps."""
        return type(self).update is not Policy.update

    @property
    def moves_after(self) -> bool:
        """Whether it is asked for the mask `after` optimizer steps."""
        return type(self).after is not Policy.after

    @property
    def moves(self) -> bool:
        """Whether the mask may move."""
        return self.moves_before or self.moves_after

    @property
    def replaces_steps(self) -> bool:
        """Whether an `update` that is due takes the place of the optimizer's step, which is left out."""
        return False

    @property
    def reads_gradients(self) -> bool:
        """Whether it looks at the gradients of all weights, pruned ones included, whenever it is asked."""
        return False

    @property
    def changes_weights(self) -> bool:
        """Whether its moves change the network's weights too."""
        return False

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

    def check_clock(self, clock: Clock) -> None:
        """Raise a ValueError if a training is too short for its moments.

        Args:
            clock: How long the training is.
        """
        return None

    def check_net(self, net: nn.Module, weights: Mask, shape: Sequence[int], clock: Clock) -> None:
        """Raise a ValueError if it cannot prune a network; asked only where it prunes one that was trained before.

        Args:
            net: The network or LightningModule.
            weights: The dense mask of the weights that may be pruned.
            shape: An image's (C, H, W).
            clock: How long the training that prunes is.
        """
        return None

    def leaves_alone(self, net: nn.Module, weights: Mask, shape: Sequence[int]) -> list[str]:
        """What it cannot prune of a network, and why, as lines for people.

        Args:
            net: The network or LightningModule.
            weights: The dense mask of the weights that may be pruned.
            shape: An image's (C, H, W).
        """
        return []

    def imitating(self, trained: Path) -> Self:
        """This policy for the training that goes on from the trained weights of a checkpoint."""
        return self

    def due(self, now: Now) -> bool:
        """Whether the mask may move at this moment; asked at every step, so it should cost little."""
        return True

    def update(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        """The mask from here on; asked before an optimizer step that is due, when the dense gradients are there.

        Args:
            net: The network, whose `.grad` are those of all weights, pruned ones included.
            mask: The mask so far. Returning the same object says that nothing changed.
            now: The moment.
        """
        return mask

    def after(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        """The mask from here on; asked after an optimizer step, or one that was left out, if that is due.

        Args:
            net: The network with its new weights.
            mask: The mask so far. Returning the same object says that nothing changed.
            now: The moment, with that step completed.
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

    def tried(self) -> Self:
        """This policy for a trial: with moments that the shortest training has."""
        return self
