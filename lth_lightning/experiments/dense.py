"""No pruning at all."""

from dataclasses import dataclass
from pathlib import Path

from .base import Experiment, Recipe, Result, Ticket


@dataclass(frozen=True)
class Dense(Experiment):
    """Train the network once, as the task and its callbacks say."""

    def run(self, recipe: Recipe, folder: Path) -> list[Result]:
        """Train."""
        return [recipe.train(Ticket(own=True), folder / "round-00")]

    @property
    def trainings(self) -> int:
        """One."""
        return 1
