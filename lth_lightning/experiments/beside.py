"""Trainings on which no other depends."""

from collections.abc import Callable

from ..training.lockstep import aside
from .failed import FailedTrainingError
from .ticket import Result


def beside(train: Callable[[], Result]) -> Callable[[], list[Result]]:
    """Train something on which nothing depends that follows: beside it where several are trained at once, else now.

    Args:
        train: Does so.

    Returns:
        What gives the result; nothing where it failed, which the recipe has noted: others go on.
    """

    def attempt() -> list[Result]:
        try:
            return [train()]
        except FailedTrainingError:
            return []

    return aside(attempt)
