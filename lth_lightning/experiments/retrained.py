"""The control that trains a ticket otherwise than it was found."""

from dataclasses import dataclass, replace
from typing import Any

from .base import Recipe, Ticket
from .control import Case, Control, Method


@dataclass(frozen=True)
class Retrained(Control):
    """The ticket, trained with other settings than those that it was found with (Ma et al., 2021, arXiv:2107.00166).

    Their Table 4 asks so whether a ticket that was found at one learning rate is better off at another. It is for
    tickets that are rewound to their initialisation; its rows tell the learning rate of this training as `lr`.

    Args:
        name: What it is called, such as 'at_0.05'; its arm is `retrained_at_0.05`.
        changes: Keys of the configuration and their values, such as {model.optimizer.lr: 0.05}.

    Raises:
        ValueError: If nothing is changed, or the name cannot name a folder.
    """

    name: str
    changes: dict[str, Any]

    def __post_init__(self) -> None:
        if not self.changes:
            raise ValueError(f"the control Retrained {self.name} changes nothing: give it changes")
        if not self.name or {*self.name} & {*"/\\ "}:
            raise ValueError(f"a control Retrained is called '{self.name}', which cannot name a folder: say at_0.05")

    @property
    def arm(self) -> str:
        """By its name."""
        return f"retrained_{self.name}"

    def recipe(self, recipe: Recipe) -> Recipe:
        """With the changed configuration."""
        return recipe.varied(self.changes, {})

    def ticket(self, case: Case) -> Ticket:
        """Same mask, same initialisation, from the first step on."""
        return replace(case.ticket, arm=self.arm, start=None)

    def inapplicable(self, method: Method) -> str | None:
        """A later start belongs to a training with the old settings."""
        return f"{method.name}'s tickets are not rewound to their initialisation" if method.rewound else None
