"""Prune once, after training or before it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from ..sparsity import Mask, Policy, check_density
from ..training import Clock, Moment
from .base import Recipe, Result
from .control import Method
from .pruning import Pruning
from .rewind import early


@dataclass(frozen=True, kw_only=True)
class OneShotPruning(Pruning):
    """Prune one dense network to each density, rewind, train.

    With the defaults: one-shot magnitude pruning, rewound to the initialisation. `at: 0it` prunes the network before
    it is trained (SNIP, GraSP, SynFlow, random tickets); so does a method's config file, whose `Sparsify` this
    experiment takes its policy from.

    Args:
        densities: Shares of weights to keep; each is a ticket of its own, pruned from the dense network.
        at: The moment of the dense training whose weights are pruned: 'end' for the trained ones, '0it' for those at
            initialisation, '2ep'.
        policy: Finds the masks at initialisation, in place of criterion, allocation, steps and sample.
        criterion: What makes a weight worth keeping.
        allocation: How the density is divided over the layers.
        steps: Number of exponential steps that a network is pruned in, each scored under the mask of the one before.
        sample: The training images that the criterion scores by, if it looks at any.
        rewind: Where a ticket starts.
        controls: What to train beside each ticket: its sanity checks.
        controls_at: The rounds (places in `densities`, from 1) whose tickets get controls; all by default.

    Raises:
        ValueError: If a density is outside (0, 1], there is none, or a policy cannot be given one.
    """

    may_grow: ClassVar[tuple[str, ...]] = ("controls", "controls_at")
    may_append: ClassVar[tuple[str, ...]] = ("densities",)
    densities: Sequence[float] = (0.5, 0.2, 0.1, 0.05)
    at: str = "end"
    policy: Policy | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        Moment.parse(self.at)
        if not self.densities:
            raise ValueError("densities is empty: ask for at least one, or run the experiment Dense")
        for density in self.densities:
            check_density(density)

    def taking(self, policy: Policy) -> Self:
        """Prune at initialisation, by the policy."""
        return replace(self, policy=policy)

    def reach(self, density: float, weights: Mask) -> None:
        """The policy can be asked for a density, reaches it at initialisation, and leaves the mask."""
        if self.policy is None:
            return super().reach(density, weights)
        name = type(self.policy).__name__
        if self.policy.moves:
            raise ValueError(f"{name} moves its mask during training, so it finds no ticket to rewind: use lth fit")
        if not (is_dataclass(self.policy) and "density" in {each.name for each in fields(self.policy)}):
            raise ValueError(
                f"{name} has no density, so it cannot be asked for {density}: make it a dataclass with one"
            )
        return self._policy(density).check(weights)

    @property
    def method(self) -> Method:
        """By the policy, or the criterion on trained or untrained weights."""
        return Method.of(self.policy or self.criterion, self.rewind, trains=self._at != "0it")

    @property
    def moments(self) -> Sequence[str]:
        """Where tickets start, and the moment that is pruned."""
        return tuple(dict.fromkeys((*super().moments, *((self._at,) if self._at != "end" else ()))))

    def tried(self) -> Self:
        """The first density."""
        return replace(super().tried(), densities=self.densities[:1], at=early(self.at), controls_at=None)

    def parent(self, tickets: Sequence[Result]) -> Result:
        """The dense network."""
        return tickets[0]

    def before(self, number: int) -> Sequence[int]:
        """None."""
        return ()

    def pruned(self, parent: Result) -> Path:
        """The checkpoint of the moment that is pruned at."""
        return parent.trained if self._at == "end" else parent.kept(self._at)

    def spent(self, number: int, tickets: Sequence[Result]) -> int:
        """Those of the dense training up to the last moment whose weights are pruned or started from."""
        row = tickets[0].row
        clock = Clock(row["steps"] / row["epochs"], row["steps"])
        weights = "end" if self.rewind.weights == "trained" else self.rewind.to
        last = max(Moment.parse(moment).steps(clock) for moment in (self._at, weights))
        return math.ceil(last / clock.epoch - 1e-9)  # what rounding adds is no epoch

    @property
    def _at(self) -> str:
        return self.at if self.policy is None else "0it"

    def mask(self, recipe: Recipe, parent: Result, density: float) -> Mask:
        """The mask that a density leaves of the dense network."""
        if self.policy is not None:
            policy = self._policy(density).reseeded(recipe.seeds.mask)
            return policy.start(recipe.net(self.pruned(parent)), Mask.dense(parent.mask), recipe.draw)
        return super().mask(recipe, parent, density)

    def _policy(self, density: float) -> Policy:
        policy: Any = self.policy
        asked: Policy = replace(policy, density=density)
        return asked
