"""What a recipe is given: how a training is built, how a configuration is changed, and who watches."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..training import Seeds
from .base import Built, Ticket


class Build(Protocol):
    """Makes a fresh set of what one training needs."""

    def __call__(self, seeds: Seeds, init: int, width: float | None = None) -> Built:
        """Make it.

        Args:
            seeds: Seeds of the data order and augmentation.
            init: Seed of the initialisation.
            width: Share of the network's own width, for a narrower one.
        """


class Variation(NamedTuple):
    """A changed configuration.

    Args:
        build: Makes what one training of it needs.
        config: Dotted key -> value.
    """

    build: Build
    config: dict[str, Any]


Vary = Callable[[Mapping[str, Any]], Variation]


class Observer(Protocol):
    """Sees trainings happen: progress on the terminal, W&B.

    Where several trainings are done at once, each in a thread, one that `follows_several` is told of what happens when
    it does, by the thread of the training; others of one training after the other.
    """

    follows_several: bool

    def started(self, ticket: Ticket, name: str, epochs: int) -> None:
        """A training starts or resumes.

        Args:
            ticket: What is trained.
            name: Its folder within the experiment's.
            epochs: The epoch that it ends at.
        """

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch of the current training is done; after resuming, those before are told again."""

    def noted(self, note: Mapping[str, Any]) -> None:
        """The policy of the current training has something to say of a move of the mask; or there is some `advice`."""

    def finished(self, row: dict[str, Any], anew: bool) -> None:
        """A training is finished, just now (anew) or long ago."""

    def failed(self, name: str, why: str) -> None:
        """A training failed, just now or long ago.

        Args:
            name: Its folder within the experiment's.
            why: The reason.
        """


Watch = Callable[[Path], AbstractContextManager[Sequence[Observer]]]


Along = Callable[[Callable[[], Any]], AbstractContextManager[None]]


def unvaried(changes: Mapping[str, Any]) -> Variation:
    """Refuse changes, where there is no configuration to change."""
    raise ValueError(f"there is no configuration in which {', '.join(changes)} could be changed: run it by lth run")


def unwatched(folder: Path) -> AbstractContextManager[Sequence[Observer]]:
    """Nobody sees what happens in a folder."""
    return nullcontext(())


def by_itself(training: Callable[[], Any]) -> AbstractContextManager[None]:
    """No other process has a part of a training."""
    return nullcontext()
