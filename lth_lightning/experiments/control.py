"""What a control is made of: a ticket, how it was found, and ways to find it again."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..sparsity import Criterion, Mask, Policy
from .base import Built, Recipe, Result, Ticket
from .rewind import Rewind


@dataclass(frozen=True)
class Method:
    """How tickets are found, as far as controls must know.

    Args:
        name: What it is called.
        trains: Whether trained weights are scored, so that data has been at work before.
        learns: Whether data has any part in a ticket, in its mask or its starting weights.
        places: Whether it has a say in which weights of a layer are kept, or leaves that to chance.
        rewound: Whether tickets start otherwise than with their initialisation at the first step.
    """

    name: str
    trains: bool
    learns: bool
    places: bool
    rewound: bool = False

    @classmethod
    def of(cls, chooser: Criterion | Policy, rewind: Rewind, trains: bool) -> "Method":
        """Of what chooses weights, where it rewinds to, and whether it looks at trained weights."""
        rewound = rewind.weights == "trained" or rewind.to != "0it"
        learns = chooser.reads_data or (trains and chooser.reads_weights) or rewound
        name = type(getattr(chooser, "criterion", chooser)).__name__  # AtInit goes by its criterion
        return cls(name, trains, learns, chooser.reads_data or chooser.reads_weights, rewound)


@dataclass(frozen=True)
class Found:
    """A mask, and the trainings whose weights a ticket may start with.

    Args:
        mask: What is kept.
        early: The dense training, which kept early weights.
        late: The training that was pruned.
        spent: Epochs of the trainings that the mask and these weights need.
    """

    mask: Mask
    early: Result
    late: Result
    spent: int = 0


@dataclass(frozen=True)
class Case:
    """A ticket whose control is wanted.

    Args:
        ticket: The ticket.
        found: What it was made of.
        dense: The experiment's dense training, whose clock tickets are rewound to.
        rewind: How the ticket was rewound.
        recipe: How it is trained.
        folder: The control's folder.
        search: (recipe, folder) -> what is found in place of the ticket by another recipe.
    """

    ticket: Ticket
    found: Found
    dense: Result
    rewind: Rewind
    recipe: Recipe
    folder: Path
    search: Callable[[Recipe, Path], Found]

    def start(self, found: Found, shuffle: int | None = None) -> Path:
        """The checkpoint that the control starts from, rewound as the ticket is."""
        return self.rewind.start(self.dense, found.early, found.late, found.mask, self.folder, shuffle)


class Control(ABC):
    """From a ticket, its sanity check.

    `searches` says whether it finds a ticket anew, by another recipe; `moments` which of the dense training's it needs.
    """

    searches: ClassVar[bool] = False
    moments: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def arm(self) -> str:
        """What its trainings are called."""

    @abstractmethod
    def ticket(self, case: Case) -> Ticket:
        """The control of a ticket."""

    def recipe(self, recipe: Recipe) -> Recipe:
        """By which it is trained, given that of the ticket."""
        return recipe

    def wanted(self, number: int) -> bool:
        """Whether the ticket of a round gets it, where tickets get controls."""
        return True

    def tried(self) -> "Control":
        """Itself, or what stands for it in a trial."""
        return self

    def inapplicable(self, method: Method) -> str | None:
        """Why this control says nothing about tickets found by a method; None where it does."""
        return None

    def check(self, built: Built) -> None:
        """Raise a ValueError if the control cannot be made with what one training is built of."""
        return None

    def check_data(self, built: Built) -> None:
        """Raise a ValueError if the data does not do for the control; asked once the data is there."""
        return None

    def reach(self, density: float, weights: Mask) -> None:
        """Raise a ValueError if the control cannot have the density of a ticket."""
        return None
