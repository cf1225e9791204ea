"""Lottery tickets by pruning a network: what iterative and one-shot pruning share."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..sparsity import Allocation, Criterion, Global, Magnitude, Mask, Sample, prune_in_steps
from ..training import Drawn
from .base import Built, Recipe, Result
from .control import Found
from .tickets import Tickets


@dataclass(frozen=True, kw_only=True)
class Pruning(Tickets):
    """Train, prune, rewind, train.

    Args:
        criterion: What makes a weight worth keeping.
        allocation: How the density is divided over the layers.
        steps: Number of exponential steps that a network is pruned in, each scored under the mask of the one before.
        sample: The training images that the criterion scores by, if it looks at any.
        rewind: Where a ticket starts.
        controls: What to train beside each ticket: its sanity checks.
        controls_at: The rounds whose tickets get controls; all by default.
        keep_starts: Whether the weights that trainings start with are kept where they are drawn anew, for analyses.

    Raises:
        ValueError: If a kind of control is given twice, or `steps` is below 1.
    """

    criterion: Criterion = field(default_factory=Magnitude)
    allocation: Allocation = field(default_factory=Global)
    steps: int = 1
    sample: Sample = field(default_factory=Sample)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}: a network is pruned in at least one step")

    def check_data(self, built: Built) -> None:
        """There are the images to score by."""
        super().check_data(built)
        if self.criterion.reads_data:
            next(iter(Drawn(built.data, self.sample)))

    def reach(self, density: float, weights: Mask) -> None:
        """The allocation reaches it."""
        self.allocation.total(density, weights)

    @abstractmethod
    def parent(self, tickets: Sequence[Result]) -> Result:
        """Which of the trainings so far (the dense one first) is pruned next."""

    def pruned(self, parent: Result) -> Path:
        """The checkpoint of a training whose weights are scored."""
        return parent.trained

    def mask(self, recipe: Recipe, parent: Result, density: float) -> Mask:
        """The mask that a density leaves of a training's network."""
        criterion, batches = self.criterion.reseeded(recipe.seeds.mask), recipe.draw(self.sample)
        net = recipe.net(self.pruned(parent))
        return prune_in_steps(net, density, criterion, self.allocation, batches, parent.mask, self.steps)

    def find(
        self, recipe: Recipe, number: int, tickets: Sequence[Result], folder: Path, searching: bool = False
    ) -> Found:
        """Prune what one of the trainings so far has made."""
        parent = self.parent(tickets)
        mask = self.mask(recipe, parent, self.densities[number - 1])
        return Found(mask, tickets[0], parent, self.spent(number, tickets))
