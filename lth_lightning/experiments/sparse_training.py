"""Networks that are sparse within their only training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

from ..sparsity import Initialisation, Mask, Policy
from .base import Built, Experiment, Recipe, Result, Ticket
from .beside import beside
from .clock import clock_before
from .refusals import check_densities, refuse_own_initialisation


@dataclass(frozen=True, kw_only=True)
class SparseTraining(Experiment):
    """Train the dense network, and beside it one sparse network of each density, by a policy.

    The policy gives the mask before the first step and may move it during training: pruning at initialisation, gradual
    pruning, SET, RigL. So do methods' config files, whose `Sparsify` this experiment takes its policy from.

    Args:
        policy: Where the mask comes from and how it moves; it is asked for each density.
        densities: Shares of weights to keep; each is a training of its own.
        initialise: How the weights that the first mask keeps are drawn, in place of the network's own way.

    Raises:
        ValueError: If a density is outside (0, 1], or there is none.
    """

    may_append: ClassVar[tuple[str, ...]] = ("densities",)
    policy: Policy | None = None
    densities: Sequence[float] = (0.2, 0.1, 0.05)
    initialise: Initialisation | None = None

    def __post_init__(self) -> None:
        check_densities(self.densities)

    def run(self, recipe: Recipe, folder: Path) -> list[Result]:
        """Run one replicate: `round-00` is dense, `round-01` has the first density."""
        results, begun = [recipe.train(Ticket(), folder / "round-00")], []
        for number, density in enumerate(self.densities, start=1):
            policy = self._policy.at(density)
            ticket = Ticket("sparse", number, density=density, policy=policy, initialise=self.initialise)
            begun.append(beside(partial(recipe.train, ticket, folder / f"round-{number:02}")))
        return results + [result for each in begun for result in each()]

    def check(self, built: Built, weights: Mask) -> None:
        """The policy reaches every density."""
        super().check(built, weights)
        refuse_own_initialisation(built.trainer)
        for density in self.densities:
            self._policy.at(density).check(weights)

    def check_data(self, built: Built) -> None:
        """The training is long enough for the policy's moments."""
        self._policy.check_clock(clock_before(built))

    def check_training(self, changes: Mapping[str, Any], built: Built, weights: Mask) -> None:
        """The policy can prune the network."""
        shape = built.shape
        if not changes and shape is not None:
            for density in self.densities:
                self._policy.at(density).check_net(built.module, weights, shape, clock_before(built))

    def introduced(self, built: Built, weights: Mask) -> Sequence[str]:
        """What the policy leaves alone of the network."""
        return [] if built.shape is None else self._policy.leaves_alone(built.module, weights, built.shape)

    def taking(self, policy: Policy) -> Self:
        """By the policy of the config's own Sparsify."""
        return replace(self, policy=policy)

    def tried(self) -> Self:
        """The first density, in moments that the shortest training has."""
        return replace(self, policy=None if self.policy is None else self.policy.tried(), densities=self.densities[:1])

    @property
    def arms(self) -> Mapping[str, Sequence[float]]:
        """The dense network, and sparse ones."""
        return {"dense": [1.0], "sparse": self.densities}

    @property
    def trainings(self) -> int:
        """The dense one, and one of each density."""
        return 1 + len(self.densities)

    @property
    def _policy(self) -> Policy:
        if self.policy is None:
            raise ValueError("SparseTraining has no policy: add a method's file, such as --config rigl, or give one")
        return self.policy
