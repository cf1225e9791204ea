"""What is told of several trainings at once, told of one after the other."""

from collections.abc import Callable, Mapping
from typing import Any

from .base import Ticket
from .building import Observer


class Later:
    """Tells an observer of a training when it has ended, all at once.

    Args:
        observer: Whom to tell.
    """

    follows_several = False

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._waiting: list[Callable[[], None]] = []

    def started(self, ticket: Ticket, name: str, epochs: int) -> None:
        """Wait."""
        self._waiting.append(lambda: self._observer.started(ticket, name, epochs))

    def epoch(self, row: dict[str, Any]) -> None:
        """Wait."""
        self._waiting.append(lambda: self._observer.epoch(row))

    def noted(self, note: Mapping[str, Any]) -> None:
        """Wait."""
        self._waiting.append(lambda: self._observer.noted(note))

    def finished(self, row: dict[str, Any], anew: bool) -> None:
        """Tell."""
        self._tell()
        self._observer.finished(row, anew)

    def failed(self, name: str, why: str) -> None:
        """Tell."""
        self._tell()
        self._observer.failed(name, why)

    def _tell(self) -> None:
        for call in self._waiting:
            call()
        self._waiting.clear()


def later(observer: Observer) -> Observer:
    """Who is to be told instead, if the observer cannot follow several trainings at once."""
    return observer if observer.follows_several else Later(observer)
