"""Controls: what a ticket must beat to owe its accuracy to its mask and its weights.

Each is drawn from the unmasked network, never from what a mask has left of it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import torch

from ..sparsity import Allocation, Mask, Random, Uniform, generator, mix, prune
from ..training import Seeds
from .base import Result, Ticket
from .rewind import Rewind


class Control(ABC):
    """From a ticket, its sanity check."""

    arm: ClassVar[str]

    @abstractmethod
    def ticket(self, ticket: Ticket, first: Result, rewind: Rewind, seeds: Seeds, folder: Path) -> Ticket:
        """The control of a ticket.

        Args:
            ticket: The ticket.
            first: The dense training that it came from.
            rewind: How the ticket was rewound.
            seeds: The replicate's seeds.
            folder: The control's folder.
        """


@dataclass(frozen=True)
class Reinitialised(Control):
    """The ticket's mask on an independent initialisation, trained in full (Frankle & Carbin, 2019, arXiv:1803.03635).

    The network is constructed anew, so the initialisation is its own. It starts at step 0 whatever the ticket was
    rewound to, as in Ma et al., 2021, arXiv:2107.00166, appendix B.
    """

    arm = "reinitialised"

    def ticket(self, ticket: Ticket, first: Result, rewind: Rewind, seeds: Seeds, folder: Path) -> Ticket:
        """Same mask, other initialisation."""
        init = mix(self.arm, seeds.init, ticket.round)
        return replace(ticket, arm=self.arm, start=None, init=init, more="0ep")


@dataclass(frozen=True)
class RearrangedMask(Control):
    """The ticket's weights under its mask shuffled within each layer (Frankle et al., 2020, arXiv:1912.05671).

    Layers keep their densities. The weights are those of the dense network at the ticket's rewind point.
    """

    arm = "rearranged_mask"

    def ticket(self, ticket: Ticket, first: Result, rewind: Rewind, seeds: Seeds, folder: Path) -> Ticket:
        """Shuffled mask, same weights."""
        assert ticket.mask is not None
        mask = rearranged(ticket.mask, mix(self.arm, seeds.mask, ticket.round))
        return replace(ticket, arm=self.arm, mask=mask, start=rewind.start(first, first, mask, folder))


@dataclass(frozen=True)
class RandomTicket(Control):
    """A random mask of the ticket's density on an independent initialisation: it knows nothing of the data.

    Args:
        allocation: How the density is divided over the layers.
    """

    allocation: Allocation = field(default_factory=Uniform)
    arm: ClassVar[str] = "random_ticket"

    def ticket(self, ticket: Ticket, first: Result, rewind: Rewind, seeds: Seeds, folder: Path) -> Ticket:
        """Random mask, other initialisation."""
        assert ticket.mask is not None
        dense = Mask.dense(ticket.mask)
        scores = Random(mix(self.arm, seeds.mask, ticket.round))(torch.nn.Module(), dense)
        mask = prune(scores, ticket.mask.density, self.allocation, within=dense)
        init = mix(self.arm, seeds.init, ticket.round)
        return replace(ticket, arm=self.arm, mask=mask, start=None, init=init, more="0ep")


def rearranged(mask: Mask, seed: int) -> Mask:
    """A mask with every layer's entries in random order: same shapes, same number kept in each layer."""
    return Mask(
        {
            name: kept.flatten()[torch.randperm(kept.numel(), generator=generator(name, seed))].view_as(kept)
            for name, kept in mask.items()
        }
    )
