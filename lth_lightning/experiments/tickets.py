"""Lottery tickets: what all ways to find them share."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from ..sparsity import Mask
from .base import Built, Experiment, Recipe, Result, Ticket
from .beside import beside
from .control import Case, Control, Found, Method
from .failed import FailedTrainingError
from .noise import OtherNoise
from .refusals import refuse_open_end, refuse_own_initialisation
from .retrained import Retrained
from .rewind import Rewind
from .small_dense import SmallDense


@dataclass(frozen=True, kw_only=True)
class Tickets(Experiment):
    """Train, find a mask, rewind, train.

    Args:
        rewind: Where a ticket starts.
        controls: What to train beside each ticket: its sanity checks.
        controls_at: The rounds whose tickets get controls; all by default.
        keep_starts: Whether the weights that trainings start with are kept where they are drawn anew, for analyses.

    Raises:
        ValueError: If a kind of control is given twice.
    """

    rewind: Rewind = field(default_factory=Rewind)
    controls: list[Control] = field(default_factory=list)
    controls_at: list[int] | None = None
    keep_starts: bool = False

    def __post_init__(self) -> None:
        arms = [control.arm for control in self.controls]
        if twice := {arm for arm in arms if arms.count(arm) > 1}:
            raise ValueError(f"two controls share the folder {', '.join(sorted(twice))}: give each kind once")
        copied = {control.copied for control in self.controls if isinstance(control, OtherNoise)}
        if lacking := copied - {"ticket", *arms}:
            raise ValueError(f"OtherNoise copies {min(lacking)}, which the controls lack: add it to them")

    def check(self, built: Built, weights: Mask) -> None:
        """All densities are in reach; an end to fine-tune beyond is an epoch's; the data can be what controls want."""
        super().check(built, weights)
        refuse_own_initialisation(built.trainer)
        for density in self.densities:
            self.reach(density, weights)
        if self.rewind.to == "end":
            refuse_open_end(built.trainer)
        if absent := set(self.controls_at or ()) - set(range(1, len(self.densities) + 1)):
            raise ValueError(
                f"controls_at names round {min(absent)}, but the rounds are 1 to {len(self.densities)}: "
                "leave it out, or ask for more rounds"
            )
        for control in self._applied:
            control.check(built)
            for number in self._rounds(control):
                control.reach(self.densities[number - 1], weights)

    def check_data(self, built: Built) -> None:
        """The data can be what controls want."""
        for control in self._applied:
            control.check_data(built)

    @abstractmethod
    def reach(self, density: float, weights: Mask) -> None:
        """Raise a ValueError if a density is out of reach."""

    @property
    @abstractmethod
    def densities(self) -> Sequence[float]:
        """The density of each round, from round 1 on."""

    @property
    @abstractmethod
    def method(self) -> Method:
        """How tickets are found, as far as controls must know."""

    @abstractmethod
    def before(self, number: int) -> Sequence[int]:
        """The rounds whose tickets must be trained to find that of round `number`."""

    def following(self, tickets: Sequence[Result], ticket: Ticket) -> Ticket:
        """A ticket, with what the trainings before it (the dense one first) have to do with its own."""
        return ticket

    def run(self, recipe: Recipe, folder: Path) -> list[Result]:
        """Run one replicate: `round-00` is dense, `round-01` the first ticket, `reinitialised/round-01` its control."""
        tickets = [recipe.train(Ticket(), folder / "round-00", keep=self.moments)]
        begun: list[Callable[[], list[Result]]] = []
        for number in range(1, len(self.densities) + 1):
            try:
                found = self.find(recipe, number, tickets, folder)
                ticket = self._ticket("ticket", number, found, tickets, folder)
                tickets.append(recipe.train(ticket, folder / f"round-{number:02}"))
            except FailedTrainingError:
                if self.before(number + 1):  # the next round would prune what this one has not trained
                    break
                continue
            for control in (control for control in self._applied if number in self._rounds(control)):
                there = folder / control.arm / f"round-{number:02}"
                search = partial(self.search, number, tickets[0])
                case = Case(ticket, found, tickets[0], self.rewind, recipe, there, search)
                begun.append(beside(partial(self._control, control, case)))
        return tickets + [result for results in begun for result in results()]

    def _control(self, control: Control, case: Case) -> Result:
        made = control.ticket(case)
        keep = ["0it"] if self.keep_starts and made.start is None else []
        return control.recipe(case.recipe).train(made, case.folder, keep)

    def search(self, number: int, dense: Result, recipe: Recipe, folder: Path) -> Found:
        """Find the ticket of a round anew, by another recipe: all that pruning needs, in a folder of its own.

        Args:
            number: The round.
            dense: The experiment's own dense training, which is used where tickets are found without training.
            recipe: The other recipe.
            folder: Where the search's trainings go.
        """
        if not self.method.trains:
            return self.find(recipe, number, [dense], folder, searching=True)
        tickets = [recipe.train(Ticket("pretraining"), folder / "round-00", keep=self.moments)]
        for earlier in self.before(number):
            found = self.find(recipe, earlier, tickets, folder, searching=True)
            ticket = self._ticket("pretraining", earlier, found, tickets, folder)
            tickets.append(recipe.train(ticket, folder / f"round-{earlier:02}"))
        return self.find(recipe, number, tickets, folder, searching=True)

    @abstractmethod
    def find(
        self, recipe: Recipe, number: int, tickets: Sequence[Result], folder: Path, searching: bool = False
    ) -> Found:
        """Find the ticket of a round.

        Args:
            recipe: How to train, where that takes a training more.
            number: The round.
            tickets: The trainings so far, the dense one first.
            folder: Where they are.
            searching: Whether they are a search for a control's ticket.
        """

    def spent(self, number: int, tickets: Sequence[Result]) -> int:
        """Epochs of those of the trainings so far that the ticket of round `number` needs."""
        return sum(int(needed.row["epochs"]) for needed in tickets[: 1 + len(self.before(number))])

    def _ticket(self, arm: str, number: int, found: Found, tickets: Sequence[Result], folder: Path) -> Ticket:
        here = folder / f"round-{number:02}"
        start = self.rewind.start(tickets[0], found.early, found.late, found.mask, here)
        density, more = self.densities[number - 1], self.rewind.more
        ticket = Ticket(arm, number, found.mask, start, density=density, more=more, spent=found.spent)
        return self.following(tickets, ticket)

    @property
    def moments(self) -> Sequence[str]:
        """The moments of the dense training that are kept."""
        return (self.rewind.to, *self._of_controls)

    @property
    def _of_controls(self) -> tuple[str, ...]:
        wanted = (moment for control in self._applied for moment in control.moments)
        return tuple(moment for moment in dict.fromkeys(wanted) if moment != self.rewind.to)

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """Controls that say nothing about this way of finding tickets, and why."""
        reasons = {control.arm: control.inapplicable(self.method) for control in self.controls}
        return {arm: reason for arm, reason in reasons.items() if reason}

    @property
    def arms(self) -> Mapping[str, Sequence[float]]:
        """The dense network, tickets, and their controls."""
        at = {
            control.arm: [self.densities[number - 1] for number in self._rounds(control)] for control in self._applied
        }
        return {"dense": [1.0], "ticket": self.densities} | {
            arm: densities for arm, densities in at.items() if densities
        }

    @property
    def small_dense(self) -> Sequence[float]:
        """The densities at which there is a narrowed dense network beside the ticket."""
        return self.arms.get(SmallDense.arm, ()) if SmallDense() in self.controls else ()

    @property
    def changes(self) -> Sequence[Mapping[str, Any]]:
        """What controls change of the configuration."""
        own = (control.changes for control in self._applied if isinstance(control, Retrained | SmallDense))
        return [changes for changes in own if changes]

    def tried(self) -> Self:
        """Few tickets, and moments that the shortest training has."""
        return replace(self, rewind=self.rewind.tried(), controls=[control.tried() for control in self.controls])

    @property
    def trainings(self) -> int:
        """The dense training, the tickets, their controls, and what these train to find tickets anew."""
        trainings = 1 + len(self.densities) + sum(len(self._rounds(control)) for control in self._applied)
        if self.method.trains and self._controlled:
            searching = sum(1 for control in self._applied if control.searches)
            trainings += searching * (1 + len(self.before(max(self._controlled))))
        return trainings

    @property
    def _applied(self) -> list[Control]:
        return [control for control in self.controls if control.arm not in self.inapplicable]

    @property
    def _controlled(self) -> set[int]:
        rounds = set(range(1, len(self.densities) + 1))
        return rounds if self.controls_at is None else rounds & set(self.controls_at)

    def _rounds(self, control: Control) -> list[int]:
        return [number for number in sorted(self._controlled) if control.wanted(number)]
