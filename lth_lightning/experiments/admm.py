"""Pruning with masks that ADMM finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from ..sparsity import Allocation, Mask, Prunable, Uniform
from ..training import Admm, write_start
from .base import Built, Recipe, Result, Ticket
from .control import Found, Method
from .pruning import Pruning
from .refusals import check_densities, refuse_own_mask


@dataclass(frozen=True, kw_only=True)
class AdmmPruning(Pruning):
    """Train, let ADMM draw the trained weights towards each density, prune, rewind, train.

    For each density the trained network is trained once more, for the whole schedule, with the ADMM penalty of
    Zhang et al., 2018, arXiv:1804.03294 (arm 'admm', folder `admm/round-01`...). That training gives the mask only: it
    is put on the original dense network's weights, as in Liu et al., 2021, arXiv:2102.11068, whose pruning and
    fine-tuning is `rewind: {weights: trained, to: 0it}`, and whose ticket `{weights: kept, to: 0it}`.

    Args:
        densities: Shares of weights to keep; each has an ADMM training and a ticket of its own.
        rho: How strongly ADMM draws weights towards sparse ones.
        every: Number of epochs from one update of ADMM's variables to the next.
        settings: Keys of the configuration that ADMM trainings have other values for, such as
            {trainer.max_epochs: 30}.
        criterion: What makes a weight of the ADMM-trained network worth keeping.
        allocation: How a density is divided over the layers, by ADMM and by the mask.
        steps: Number of exponential steps that a network is pruned in, each scored under the mask of the one before.
        sample: The training images that the criterion scores by, if it looks at any.
        rewind: Where a ticket starts.
        controls: What to train beside each ticket: its sanity checks.
        controls_at: The rounds (places in `densities`, from 1) whose tickets get controls; all by default.
        keep_starts: Whether the weights that trainings start with are kept where they are drawn anew, for analyses.

    Raises:
        ValueError: If a density is outside (0, 1], there is none, rho is not above 0, or `every` is below 1.
    """

    arm: ClassVar[str] = "admm"
    may_grow: ClassVar[tuple[str, ...]] = ("controls", "controls_at")
    may_append: ClassVar[tuple[str, ...]] = ("densities",)
    densities: Sequence[float] = (0.5, 0.2, 0.1, 0.05)
    rho: float = 0.001
    every: int = 3
    settings: dict[str, Any] = field(default_factory=dict)
    allocation: Allocation = field(default_factory=Uniform)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_densities(self.densities)
        if not self.rho > 0:
            raise ValueError(f"rho is {self.rho}, so nothing draws weights anywhere: give more, or run OneShotPruning")
        Admm(1.0, rho=self.rho, every=self.every)  # which refuses what it cannot do

    def check(self, built: Built, weights: Mask) -> None:
        """The masks are ours."""
        super().check(built, weights)
        refuse_own_mask(built.trainer)

    @property
    def method(self) -> Method:
        """By weights that were trained again."""
        return replace(Method.of(self.criterion, self.rewind, trains=True), name="ADMM")

    @property
    def moments(self) -> tuple[str, ...]:
        """Where tickets start, and the beginning, where ADMM does."""
        return tuple(dict.fromkeys((self.rewind.to, "0it")))

    def tried(self) -> Self:
        """The first density, and an update at every epoch."""
        return replace(super().tried(), densities=self.densities[:1], every=1, controls_at=None)

    def parent(self, tickets: Sequence[Result]) -> Result:
        """The dense network."""
        return tickets[0]

    def before(self, number: int) -> Sequence[int]:
        """None."""
        return ()

    def find(
        self, recipe: Recipe, number: int, tickets: Sequence[Result], folder: Path, searching: bool = False
    ) -> Found:
        """Train the dense network's weights by ADMM; what it leaves largest is the mask for the dense network."""
        dense, here, density = tickets[0], folder / self.arm / f"round-{number:02}", self.densities[number - 1]
        spent = self.spent(number, tickets)
        # other settings need another optimizer and schedule, so nothing of the dense training's is restored
        start = write_start(here / "start.ckpt", dense.kept("0it"), dense.trained, optimizer="anew")
        allowed = Prunable(include=list(dense.mask))
        ticket = Ticket(
            "pretraining" if searching else self.arm,
            number,
            start=start,
            density=density,
            callbacks=lambda: [Admm(density, self.allocation, allowed, self.rho, self.every)],
            spent=spent,
        )
        drawn = (recipe.varied(self.settings, {}) if self.settings else recipe).train(ticket, here)
        return Found(self.mask(recipe, drawn, density), dense, dense, spent + drawn.row["epochs"])

    @property
    def arms(self) -> Mapping[str, Sequence[float]]:
        """ADMM's trainings too."""
        return {**super().arms, self.arm: self.densities}

    @property
    def changes(self) -> Sequence[Mapping[str, Any]]:
        """The settings of ADMM trainings too."""
        return [*super().changes, *([self.settings] if self.settings else [])]

    @property
    def trainings(self) -> int:
        """Those of all pruning, and ADMM's: for each density, and for each ticket that controls search anew."""
        searching = sum(1 for control in self._applied if control.searches)
        return super().trainings + len(self.densities) + searching * len(self._controlled)
