"""The same training under other SGD noise: other batches, otherwise augmented, from the same start."""

from dataclasses import dataclass, replace

from ..sparsity import Mask, mix
from .base import Built, Recipe, Ticket
from .control import Case, Control, Method


def other_noise(recipe: Recipe, copy: int, of: str) -> Recipe:
    """The recipe of a copy, which differs in the order and the augmentation of the training images and nothing else.

    Args:
        recipe: Of the training that is copied.
        copy: Number of the copy; each has noise of its own.
        of: The arm of which it is a copy, kept in its row as `copy_of`.
    """
    noise = {f"{name}_seed": mix(f"noise/{name}", getattr(recipe.seeds, name), copy) for name in ("order", "augment")}
    return recipe.on(noise).varied({}, {"copy_of": of})


@dataclass(frozen=True)
class OtherNoise(Control):
    """The ticket trained once more under other SGD noise, so that its instability can be told.

    Same mask, same start, same schedule; other data order and augmentation (Frankle et al., 2020, arXiv:1912.05671).
    `lth analyze` then says whether the line between the two is free of a barrier.

    Args:
        of: A control whose training is copied in place of the ticket's, such as Reinitialised; the experiment has to
            have it as well.
        copy: Number of the copy, for more than one.
        at: The rounds whose tickets are copied, of those that get controls; all by default.

    Raises:
        ValueError: If a copy is to be copied, or has no number.
    """

    of: Control | None = None
    copy: int = 1
    at: list[int] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.of, OtherNoise):
            raise ValueError("OtherNoise is of OtherNoise: for a second copy give the number, {copy: 2}")
        if self.copy < 1:
            raise ValueError(f"OtherNoise is copy number {self.copy}: count from 1")

    @property
    def copied(self) -> str:
        """The arm of which it is a copy."""
        return "ticket" if self.of is None else self.of.arm

    @property
    def arm(self) -> str:
        """By what it is a copy of."""
        prefix, suffix = ("" if self.of is None else f"{self.of.arm}_"), ("" if self.copy == 1 else f"_{self.copy}")
        return f"{prefix}other_noise{suffix}"

    def recipe(self, recipe: Recipe) -> Recipe:
        """Under noise of its own."""
        return other_noise(recipe if self.of is None else self.of.recipe(recipe), self.copy, self.copied)

    def ticket(self, case: Case) -> Ticket:
        """The same start."""
        return replace(case.ticket if self.of is None else self.of.ticket(case), arm=self.arm)

    def wanted(self, number: int) -> bool:
        """In the rounds asked for."""
        return self.at is None or number in self.at

    def tried(self) -> "OtherNoise":
        """In whichever round there is."""
        return replace(self, at=None)

    def inapplicable(self, method: Method) -> str | None:
        """As what it is a copy of."""
        return None if self.of is None else self.of.inapplicable(method)

    def check(self, built: Built) -> None:
        """What is copied can be made."""
        if self.of is not None:
            self.of.check(built)

    def reach(self, density: float, weights: Mask) -> None:
        """What is copied can have the density."""
        if self.of is not None:
            self.of.reach(density, weights)
