"""Tickets of a network that was pruned while it was trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from ..sparsity import Mask, Policy
from ..training import write_start
from .base import Built, Recipe, Result, Ticket
from .clock import clock_before
from .control import Found, Method
from .refusals import check_densities
from .tickets import Tickets


@dataclass(frozen=True, kw_only=True)
class PruningInTraining(Tickets):
    """Train a network while a policy prunes it; what is left at the end is the mask of a ticket.

    The training that prunes starts with the dense network's initialisation (arm 'pruned', folder `pruned/round-01`);
    the ticket starts with its weights of an early moment. With gradual magnitude pruning these are the lottery tickets
    of Evci et al., 2022, arXiv:2010.03533, and the pruned network is the solution that they are compared with.

    Or it starts with the trained dense network (`trained: true`), and is short: with `Neurons` it takes neurons out
    layer by layer, with fine-tuning between the layers, and the ticket is the result's final fine-tuning if
    `rewind: {weights: trained, to: 0it}` (Ye et al., 2020, arXiv:2010.15969).

    Args:
        policy: Prunes during training, such as Gradual or Neurons; a method's config file gives it too.
        densities: Shares of weights to keep; each has a training that prunes, and a ticket.
        rewind: Where a ticket starts: with the pruning training's kept weights, or its trained ones; kept ones are the
            dense network's if the pruning training starts with that one's trained weights.
        trained: Whether the training that prunes starts with the trained dense network.
        settings: Keys of the configuration that trainings which prune have other values for, such as
            {trainer.max_epochs: 2}.
        controls: What to train beside each ticket: its sanity checks.
        controls_at: The rounds (places in `densities`, from 1) whose tickets get controls; all by default.
        keep_starts: Whether the weights that trainings start with are kept where they are drawn anew, for analyses.

    Raises:
        ValueError: If a density is outside (0, 1], there is none, or a kind of control is given twice.
    """

    arm: ClassVar[str] = "pruned"
    may_grow: ClassVar[tuple[str, ...]] = ("controls", "controls_at")
    may_append: ClassVar[tuple[str, ...]] = ("densities",)
    policy: Policy | None = None
    densities: Sequence[float] = (0.05,)
    trained: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_densities(self.densities)

    def reach(self, density: float, weights: Mask) -> None:
        """The policy reaches it."""
        self._policy.at(density).check(weights)

    def check_training(self, changes: Mapping[str, Any], built: Built, weights: Mask) -> None:
        """The training that prunes is long enough for the policy's moments, and for the layers of the network."""
        super().check_training(changes, built, weights)
        if changes != self.settings:
            return
        clock, shape = clock_before(built), built.shape
        self._policy.check_clock(clock)
        if shape is not None:
            for density in self.densities:
                self._policy.at(density).check_net(built.module, weights, shape, clock)

    def introduced(self, built: Built, weights: Mask) -> Sequence[str]:
        """What the policy leaves alone of the network."""
        return [] if built.shape is None else self._policy.leaves_alone(built.module, weights, built.shape)

    def taking(self, policy: Policy) -> Self:
        """By the policy of the config's own Sparsify."""
        return replace(self, policy=policy)

    @property
    def method(self) -> Method:
        """By the policy, in a training that begins with nothing trained, or with the dense network."""
        name = type(self._policy).__name__
        method = Method.of(self._policy, self.rewind, trains=self.trained)
        return replace(method, name=name, learns=True, places=True)

    @property
    def moments(self) -> Sequence[str]:
        """Where tickets and controls start; of both the dense training and the one that prunes."""
        return tuple(dict.fromkeys((*super().moments, "0it")))

    def before(self, number: int) -> Sequence[int]:
        """None."""
        return ()

    def tried(self) -> Self:
        """The first density, in moments that the shortest training has."""
        policy = None if self.policy is None else self.policy.tried()
        return replace(super().tried(), policy=policy, densities=self.densities[:1], controls_at=None)

    def find(
        self, recipe: Recipe, number: int, tickets: Sequence[Result], folder: Path, searching: bool = False
    ) -> Found:
        """Train while the policy prunes."""
        density, dense, here = self.densities[number - 1], tickets[0], folder / self.arm / f"round-{number:02}"
        policy, start = self._policy.at(density), None
        if self.trained:
            policy = policy.imitating(dense.trained)
            # other settings need another optimizer and schedule, so nothing of the dense training's is restored
            start = write_start(here / "start.ckpt", dense.kept("0it"), dense.trained, optimizer="anew")
        spent = self.spent(number, tickets) if self.trained else 0
        arm = "pretraining" if searching else self.arm
        ticket = Ticket(arm, number, density=density, policy=policy, start=start, spent=spent)
        other = recipe.varied(self.settings, {}) if self.settings else recipe
        pruned = other.train(ticket, here, keep=() if self.trained else self.moments)
        early = dense if self.trained else pruned
        return Found(pruned.mask, early, pruned, spent + int(pruned.row["epochs"]))

    @property
    def changes(self) -> Sequence[Mapping[str, Any]]:
        """The settings of the trainings that prune, too."""
        return [*super().changes, *([self.settings] if self.settings else [])]

    @property
    def arms(self) -> Mapping[str, Sequence[float]]:
        """Those that prune too."""
        return {**super().arms, self.arm: self.densities}

    @property
    def trainings(self) -> int:
        """Those of all tickets, and the ones that prune: for each density, and each search of a control."""
        searching = sum(1 for control in self._applied if control.searches)
        return super().trainings + len(self.densities) + searching * len(self._controlled)

    @property
    def _policy(self) -> Policy:
        if self.policy is None:
            raise ValueError("PruningInTraining has no policy: add a method's file, such as --config gmp, or give one")
        return self.policy
