"""What an experiment is: trainings, arranged by a recipe that turns tickets into results."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from torch import nn

from ..sparsity import Batches, Mask, Policy, Sample
from ..training import Seeds
from .refusals import refuse_untrainable
from .ticket import Built as Built
from .ticket import Result as Result
from .ticket import Ticket as Ticket


class Recipe(Protocol):
    """How to train any ticket, once and resumably."""

    @property
    def seeds(self) -> Seeds:
        """The seeds of this replicate."""

    def train(self, ticket: Ticket, folder: Path, keep: Sequence[str] = ()) -> Result:
        """Train a ticket in its folder: read it if it is finished, resume it if it was cut.

        Args:
            ticket: What to train.
            folder: The training's own folder.
            keep: Moments whose checkpoints are kept.
        """

    def net(self, checkpoint: Path) -> nn.Module:
        """The network with the weights of a checkpoint, on the device that trains."""

    def draw(self, sample: Sample) -> Batches:
        """Training images and labels to score weights by."""

    def width(self, fewer: int) -> float:
        """The largest share of the network's width that leaves so many parameters fewer, or more than so many.

        Args:
            fewer: Number of parameters.

        Raises:
            ValueError: If the network has no width, or no width leaves so few.
        """

    def on(self, data: Mapping[str, Any]) -> "Recipe":
        """The same recipe with other data.

        Args:
            data: Attributes of the data module, such as `{"random_labels": True}`, and their values.
        """

    def varied(self, changes: Mapping[str, Any], labels: Mapping[str, Any]) -> "Recipe":
        """The recipe of a configuration with other values of dotted keys; its rows have further columns (labels)."""

    def within(self, folder: Path) -> AbstractContextManager["Recipe"]:
        """The same recipe for trainings in a folder that several processes want, and one does: the others wait."""


@dataclass(frozen=True)
class Part:
    """What one process does of a replicate, while others may do other parts.

    Args:
        name: Its folder in the replicate's; empty if it is all of it.
        experiment: What is arranged there.
        run: Does so by a recipe, given the replicate's folder.
        trainings: Number of trainings in its folder.
        shared: The folders, in the replicate's, of the trainings that it shares with others.
        changes: What its configuration has in place of the common one's.
    """

    name: str
    experiment: "Experiment"
    run: Callable[[Recipe, Path], list[Result]]
    trainings: int
    shared: Sequence[str] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)


class Experiment(ABC):
    """Arranges many trainings.

    `may_grow` names the arguments that may differ when an experiment is continued in its folder, because no finished
    training depends on them; `may_append` those that are lists, at whose end there may be more.
    """

    may_grow: ClassVar[tuple[str, ...]] = ()
    may_append: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def run(self, recipe: Recipe, folder: Path) -> list[Result]:
        """Run one replicate.

        Args:
            recipe: How to train a ticket.
            folder: The replicate's folder.
        """

    def check(self, built: Built, weights: Mask) -> None:
        """Raise a ValueError if one of the trainings could not be done with these settings.

        Asked before the first training, so that the first hour is not lost to what only the second would notice.

        Args:
            built: The module, data module and Trainer arguments of one training.
            weights: The dense mask of the weights that may be pruned.
        """
        refuse_untrainable(built.trainer)

    def check_data(self, built: Built) -> None:
        """Raise a ValueError if the data cannot be what is asked of it; asked once the data is there.

        Args:
            built: The module, data module and Trainer arguments of one training.
        """
        return None

    def check_training(self, changes: Mapping[str, Any], built: Built, weights: Mask) -> None:
        """Raise a ValueError if trainings of a configuration could not be done; asked once the data is there.

        Args:
            changes: What the configuration has in place of the common one's: one of `changes`, or nothing.
            built: The module, data module and Trainer arguments of one such training.
            weights: The dense mask of the weights that may be pruned.
        """
        return None

    def introduced(self, built: Built, weights: Mask) -> Sequence[str]:
        """What people should know before the first training, as lines.

        Args:
            built: The module, data module and Trainer arguments of one training.
            weights: The dense mask of the weights that may be pruned.
        """
        return []

    def may_differ(self, key: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
        """Whether no finished training depends on the difference of an argument.

        Args:
            key: The argument, dotted where it is part of one.
            there: The arguments that a folder was begun with, by their dotted keys.
            here: The arguments now.
        """
        one, other = there.get(key), here.get(key)
        if key in self.may_append and isinstance(one, list) and isinstance(other, list):
            return all(a == b for a, b in zip(one, other, strict=False))  # the longer begins as the shorter
        return key.partition(".")[0] in self.may_grow

    @property
    def parts(self) -> Sequence[Part]:
        """What can be done independently, by as many processes, of a replicate."""
        return [Part("", self, self.run, self.trainings)]

    @property
    def axes(self) -> Mapping[str, Sequence[Any]]:
        """The axes of its grid, and their values."""
        return {}

    @property
    def found(self) -> Mapping[str, Sequence[float]]:
        """The densities of sparse networks by the method that makes them, which is '' where there is one only."""
        return {"": self.arms.get("ticket", self.arms.get("sparse", []))}

    @property
    def arms(self) -> Mapping[str, Sequence[float]]:
        """What trainings are called, and their densities, as far as claims may name them."""
        return {"dense": [1.0]}

    @property
    def moments(self) -> Sequence[str]:
        """The moments of the dense network's training whose checkpoints it needs."""
        return ()

    @property
    def small_dense(self) -> Sequence[float]:
        """The densities at which there is a narrowed dense network beside the ticket."""
        return ()

    @property
    def changes(self) -> Sequence[Mapping[str, Any]]:
        """What its trainings change of the configuration, besides a grid."""
        return ()

    def tried(self) -> "Experiment":
        """Itself, or the same with fewer trainings of every kind, for a trial."""
        return self

    def taking(self, policy: Policy) -> "Experiment":
        """This experiment with the policy of the config's own `Sparsify`, if it has a use for one."""
        return self

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """Arm -> why what was asked for does not apply, and so is not trained."""
        return {}

    @property
    @abstractmethod
    def trainings(self) -> int:
        """Number of trainings of one replicate."""
