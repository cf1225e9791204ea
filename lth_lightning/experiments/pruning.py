"""Lottery tickets by pruning a trained network, again and again or once."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..sparsity import Allocation, Criterion, Global, Magnitude, check_density, count, prune
from .base import Experiment, Recipe, Result, Ticket
from .controls import Control
from .refusals import refuse_open_end, refuse_own_mask
from .rewind import Rewind


@dataclass(frozen=True, kw_only=True)
class Pruning(Experiment):
    """Train, prune, rewind, train: what iterative and one-shot pruning share.

    Args:
        criterion: What makes a weight worth keeping.
        allocation: How the density is divided over the layers.
        rewind: Where a ticket starts.
        controls: What to train beside each ticket.
        controls_at: The rounds whose tickets get controls; all by default.

    Raises:
        ValueError: If a kind of control is given twice.
    """

    criterion: Criterion = field(default_factory=Magnitude)
    allocation: Allocation = field(default_factory=Global)
    rewind: Rewind = field(default_factory=Rewind)
    controls: list[Control] = field(default_factory=list)
    controls_at: list[int] | None = None

    def __post_init__(self) -> None:
        arms = [control.arm for control in self.controls]
        if twice := {arm for arm in arms if arms.count(arm) > 1}:
            raise ValueError(f"two controls share the folder {', '.join(sorted(twice))}: give each kind once")

    def check(self, trainer: Mapping[str, Any], size: int) -> None:
        """The masks are ours, and keep something; an end to fine-tune beyond is an epoch's."""
        super().check(trainer, size)
        for density in self.densities:
            count(density, size)
        refuse_own_mask(trainer)
        if self.rewind.to == "end":
            refuse_open_end(trainer)
        if absent := set(self.controls_at or ()) - set(range(1, len(self.densities) + 1)):
            raise ValueError(
                f"controls_at names round {min(absent)}, but the rounds are 1 to {len(self.densities)}: "
                "leave it out, or ask for more rounds"
            )

    @property
    @abstractmethod
    def densities(self) -> Sequence[float]:
        """The density of each round, from round 1 on."""

    @abstractmethod
    def parent(self, tickets: Sequence[Result]) -> Result:
        """Which of the trainings so far (the dense one first) is pruned next."""

    def run(self, recipe: Recipe, folder: Path) -> list[Result]:
        """Run one replicate: `round-00` is dense, `round-01` the first ticket, `reinitialised/round-01` its control."""
        tickets = [recipe.train(Ticket(), folder / "round-00", keep=(self.rewind.to,))]
        controls = []
        criterion = self.criterion.reseeded(recipe.seeds.mask)
        for number, density in enumerate(self.densities, start=1):
            first, parent, here = tickets[0], self.parent(tickets), folder / f"round-{number:02}"
            scores = criterion(recipe.trained_net(parent), parent.mask, ())
            mask = prune(scores, density, self.allocation, within=parent.mask)
            start = self.rewind.start(first, parent, mask, here)
            ticket = Ticket("ticket", number, mask, start, density=density, more=self.rewind.more)
            tickets.append(recipe.train(ticket, here))
            for control in self.controls if number in self._controlled else ():
                there = folder / control.arm / here.name
                controls.append(recipe.train(control.ticket(ticket, first, self.rewind, recipe.seeds, there), there))
        return tickets + controls

    @property
    def trainings(self) -> int:
        """The dense training, the tickets and their controls."""
        return 1 + len(self.densities) + len(self.controls) * len(self._controlled)

    @property
    def _controlled(self) -> set[int]:
        rounds = set(range(1, len(self.densities) + 1))
        return rounds if self.controls_at is None else rounds & set(self.controls_at)


@dataclass(frozen=True, kw_only=True)
class IterativePruning(Pruning):
    """Train, prune a share of what is left, rewind; repeat (Frankle & Carbin, 2019, arXiv:1803.03635).

    Args:
        rounds: How often to prune.
        keep: Share of the remaining weights to keep in each round: 0.8 removes 20 %, so that round r has density
            0.8 ** r.
        criterion: What makes a weight worth keeping.
        allocation: How the density is divided over the layers.
        rewind: Where a ticket starts.
        controls: What to train beside each ticket.
        controls_at: The rounds whose tickets get controls; all by default.

    Raises:
        ValueError: If `keep` is outside (0, 1], or there is no round.
    """

    may_grow: ClassVar[tuple[str, ...]] = ("rounds", "controls", "controls_at")
    rounds: int = 10
    keep: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep is the share of remaining weights kept in a round, in (0, 1], not {self.keep}")
        if self.rounds < 1:
            raise ValueError(f"rounds is {self.rounds}: prune at least once, or run the experiment Dense")

    @property
    def densities(self) -> Sequence[float]:
        """Powers of `keep`."""
        return [self.keep**number for number in range(1, self.rounds + 1)]

    def parent(self, tickets: Sequence[Result]) -> Result:
        """The ticket of the round before."""
        return tickets[-1]


@dataclass(frozen=True, kw_only=True)
class OneShotPruning(Pruning):
    """Train once, prune the trained network to each density, rewind (one-shot magnitude pruning).

    Args:
        densities: Shares of weights to keep; each is a ticket of its own, pruned from the dense network.
        criterion: What makes a weight worth keeping.
        allocation: How the density is divided over the layers.
        rewind: Where a ticket starts.
        controls: What to train beside each ticket.
        controls_at: The rounds (places in `densities`, from 1) whose tickets get controls; all by default.

    Raises:
        ValueError: If a density is outside (0, 1], or there is none.
    """

    may_grow: ClassVar[tuple[str, ...]] = ("controls", "controls_at")
    densities: Sequence[float] = (0.5, 0.2, 0.1, 0.05)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.densities:
            raise ValueError("densities is empty: ask for at least one, or run the experiment Dense")
        for density in self.densities:
            check_density(density)

    def parent(self, tickets: Sequence[Result]) -> Result:
        """The dense network."""
        return tickets[0]
