"""The control that says whether a ticket beats a network that was small from the start."""

from dataclasses import dataclass, field
from inspect import signature
from typing import Any, ClassVar

from ..sparsity import mix
from .base import Built, Recipe, Ticket
from .control import Case, Control


@dataclass(frozen=True)
class SmallDense(Control):
    """A dense network of the same depth and reduced width, with as many parameters as the ticket has left.

    The width is the largest whose network has no more parameters than the ticket (kept weights, and all that cannot be
    pruned); rows tell it as `width`, a share of the network's own. It is trained in full from an initialisation of its
    own (small-dense training of Ma et al., 2021, arXiv:2107.00166, appendix B).

    Args:
        changes: Keys of the configuration and their values that make a small network of another shape instead, such as
            {model.net.hidden: [3, 3, 27, 20]}; its rows tell no width, and methods of a study do not share it.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    arm: ClassVar[str] = "small_dense"

    def check(self, built: Built) -> None:
        """The network has a width, if it is to be narrowed."""
        if self.changes:
            return
        net = getattr(built.module, "net", built.module)
        if "width" not in signature(type(net)).parameters:
            raise ValueError(f"{type(net).__name__} has no width that SmallDense could reduce: leave that control out")

    def recipe(self, recipe: Recipe) -> Recipe:
        """With the network that is asked for."""
        return recipe.varied(self.changes, {}) if self.changes else recipe

    def ticket(self, case: Case) -> Ticket:
        """A small network without a mask.

        Raises:
            ValueError: If the narrowest network has more parameters than the ticket.
        """
        mask, seeds = case.found.mask, case.recipe.seeds
        width = None if self.changes else case.recipe.width(mask.size - mask.kept)
        init = mix(self.arm, seeds.init, mask.kept)  # whatever the method: it is the same network for all of them
        return Ticket(
            self.arm, case.ticket.round, init=init, density=case.ticket.density, width=width, weights=mask.size
        )
