"""Prune again and again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from ..sparsity import Mask
from ..training import Repel
from .base import Built, Result, Ticket
from .control import Method
from .pruning import Pruning
from .refusals import refuse_own_mask


@dataclass(frozen=True, kw_only=True)
class IterativePruning(Pruning):
    """Train, prune a share of what is left, rewind; repeat (Frankle & Carbin, 2019, arXiv:1803.03635).

    Args:
        rounds: How often to prune.
        keep: Share of the remaining weights to keep in each round: 0.8 removes 20 %, so that round r has density
            0.8 ** r.
        repel: How strongly a ticket and its controls are repelled, in training, from the trained networks of all
            rounds before, the dense one's too: lambda_r of Maene et al., 2021, arXiv:2106.06955, who repel by 2 and
            attract by -1. Their loss is lambda_r times the mean squared cosine with those networks on the ticket's
            weights. 0 does neither.
        criterion: What makes a weight worth keeping.
        allocation: How the density is divided over the layers.
        steps: Number of exponential steps that a network is pruned in, each scored under the mask of the one before.
        sample: The training images that the criterion scores by, if it looks at any.
        rewind: Where a ticket starts.
        controls: What to train beside each ticket: its sanity checks.
        controls_at: The rounds whose tickets get controls; all by default.
        keep_starts: Whether the weights that trainings start with are kept where they are drawn anew, for analyses.

    Raises:
        ValueError: If `keep` is outside (0, 1], there is no round, or `repel` is not finite.
    """

    may_grow: ClassVar[tuple[str, ...]] = ("rounds", "controls", "controls_at")
    rounds: int = 10
    keep: float = 0.8
    repel: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep is the share of remaining weights kept in a round, in (0, 1], not {self.keep}")
        if self.rounds < 1:
            raise ValueError(f"rounds is {self.rounds}: prune at least once, or run the experiment Dense")
        if not math.isfinite(self.repel):
            raise ValueError(f"repel is {self.repel}: give a number such as 2 to repel, -1 to attract, 0 for neither")

    def check(self, built: Built, weights: Mask) -> None:
        """The masks are ours."""
        super().check(built, weights)
        refuse_own_mask(built.trainer)

    @property
    def densities(self) -> Sequence[float]:
        """Powers of `keep`."""
        return [self.keep**number for number in range(1, self.rounds + 1)]

    @property
    def method(self) -> Method:
        """By trained weights, or by chance."""
        return Method.of(self.criterion, self.rewind, trains=True)

    def tried(self) -> Self:
        """The first two rounds, and what belongs to the second."""
        rounds = min(2, self.rounds)
        return replace(super().tried(), rounds=rounds, controls_at=[rounds])

    def parent(self, tickets: Sequence[Result]) -> Result:
        """The ticket of the round before."""
        return tickets[-1]

    def before(self, number: int) -> Sequence[int]:
        """All earlier rounds."""
        return range(1, number)

    def following(self, tickets: Sequence[Result], ticket: Ticket) -> Ticket:
        """Repelled from all of them, or attracted, if `repel` says so."""
        if not self.repel:
            return ticket
        optima = [each.trained for each in tickets]  # as they are by now
        return replace(ticket, callbacks=lambda: [Repel(optima, self.repel)], labels={"repel": self.repel})
