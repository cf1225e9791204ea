"""Controls that change a ticket: what it must beat to owe its accuracy to its mask and its weights.

Each is drawn from the unmasked network, never from what a mask has left of it.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch

from ..sparsity import Allocation, Initialisation, Mask, Random, Uniform, generator, mix, prune
from .base import Ticket
from .control import Case, Control, Found, Method


@dataclass(frozen=True)
class Reinitialised(Control):
    """The ticket's mask on an independent initialisation, trained in full (Frankle & Carbin, 2019, arXiv:1803.03635).

    The network is constructed anew, so the initialisation is its own. It starts at step 0 whatever the ticket was
    rewound to, as in Ma et al., 2021, arXiv:2107.00166, appendix B. With `initialise` the same network has its kept
    weights drawn with regard to the mask, as in Evci et al., 2022, arXiv:2010.03533 ("Scratch+").

    Args:
        initialise: How the kept weights are drawn, in place of the network's own way, such as SparseFanIn.
    """

    initialise: Initialisation | None = None

    @property
    def arm(self) -> str:
        """By how its weights are drawn, where that is not the network's own way."""
        return "reinitialised" if self.initialise is None else f"reinitialised_{self.initialise.name}"

    def ticket(self, case: Case) -> Ticket:
        """Same mask, other initialisation: the same network however its weights are then drawn."""
        init = mix("reinitialised", case.recipe.seeds.init, case.ticket.round)
        return replace(case.ticket, arm=self.arm, start=None, init=init, initialise=self.initialise, more="0ep")


@dataclass(frozen=True)
class RearrangedMask(Control):
    """The ticket's weights under its mask shuffled within each layer (Frankle et al., 2020, arXiv:1912.05671).

    Layers keep their densities. The weights are those of the dense network at the ticket's rewind point. Su et al.,
    2020, arXiv:2009.11094, call it layerwise rearrange.
    """

    arm: ClassVar[str] = "rearranged_mask"

    def ticket(self, case: Case) -> Ticket:
        """Shuffled mask, same weights."""
        mask = rearranged(case.found.mask, mix(self.arm, case.recipe.seeds.mask, case.ticket.round))
        start = case.start(Found(mask, case.dense, case.dense))
        return replace(case.ticket, arm=self.arm, mask=mask, start=start)

    def inapplicable(self, method: Method) -> str | None:
        """A mask that chance arranges is as good after rearranging."""
        return None if method.places else f"{method.name} leaves to chance which weights of a layer are kept"


@dataclass(frozen=True)
class ShuffledWeights(Control):
    """The ticket with the starting values of its kept weights exchanged within each layer.

    Layerwise weight shuffling of Su et al., 2020, arXiv:2009.11094: the mask stays, and a layer keeps its values.
    """

    arm: ClassVar[str] = "shuffled_weights"

    def ticket(self, case: Case) -> Ticket:
        """Same mask, same values at other places."""
        start = case.start(case.found, shuffle=mix(self.arm, case.recipe.seeds.mask, case.ticket.round))
        return replace(case.ticket, arm=self.arm, start=start)


@dataclass(frozen=True)
class RandomTicket(Control):
    """A random mask of the ticket's density on an independent initialisation: it knows nothing of the data.

    Args:
        allocation: How the density is divided over the layers.
    """

    allocation: Allocation = field(default_factory=Uniform)
    arm: ClassVar[str] = "random_ticket"

    def reach(self, density: float, weights: Mask) -> None:
        """Its own allocation reaches the density."""
        self.allocation.total(density, weights)

    def ticket(self, case: Case) -> Ticket:
        """Random mask, other initialisation."""
        dense, seeds, number = Mask.dense(case.found.mask), case.recipe.seeds, case.ticket.round
        scores = Random(mix(self.arm, seeds.mask, number))(torch.nn.Module(), dense)
        mask = prune(scores, case.found.mask.density, self.allocation, within=dense)
        init = mix(self.arm, seeds.init, number)
        return replace(case.ticket, arm=self.arm, mask=mask, start=None, init=init, more="0ep", spent=0)


def rearranged(mask: Mask, seed: int) -> Mask:
    """A mask with every layer's entries in random order: same shapes, same number kept in each layer."""
    return Mask(
        {
            name: kept.flatten()[torch.randperm(kept.numel(), generator=generator(name, seed))].view_as(kept)
            for name, kept in mask.items()
        }
    )
