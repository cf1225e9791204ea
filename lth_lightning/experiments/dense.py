"""No pruning at all."""

from dataclasses import dataclass
from pathlib import Path

from ..sparsity import Mask
from .base import Built, Experiment, Recipe, Result, Ticket
from .refusals import own_sparsify


@dataclass(frozen=True)
class Dense(Experiment):
    """Train the network once, as the task and its callbacks say."""

    def run(self, recipe: Recipe, folder: Path) -> list[Result]:
        """Train."""
        return [recipe.train(Ticket(own=True), folder / "round-00")]

    def check(self, built: Built, weights: Mask) -> None:
        """The config's own Sparsify can give a mask."""
        super().check(built, weights)
        if (own := own_sparsify(built.trainer["callbacks"])) is not None:
            own.policy.check(weights)

    @property
    def trainings(self) -> int:
        """One."""
        return 1
