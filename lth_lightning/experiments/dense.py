"""No pruning at all."""

from dataclasses import dataclass
from pathlib import Path

from ..sparsity import Mask
from .base import Built, Experiment, Recipe, Result, Ticket
from .clock import clock_before
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

    def check_data(self, built: Built) -> None:
        """The training is long enough for the moments of the config's own Sparsify."""
        if (own := own_sparsify(built.trainer["callbacks"])) is not None and own.policy.moves:
            own.policy.check_clock(clock_before(built))

    @property
    def trainings(self) -> int:
        """One."""
        return 1
