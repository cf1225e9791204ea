"""Controls that go on from what pruning found otherwise than by a ticket: dynamic sparse training, and a restart."""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar

from ..sparsity import Fixed, Initialisation, Mask, Policy, mix
from ..sparsity.spelling import underscored
from ..training import write_start
from .base import Built, Ticket
from .clock import clock_before
from .control import Case, Control


@dataclass(frozen=True)
class DynamicTraining(Control):
    """Sparse training that begins with the ticket's mask and an independent initialisation, and moves the mask.

    SET and RigL of Evci et al., 2022, arXiv:2010.03533, whose code starts them on MNIST with the mask that gradual
    pruning found.

    Args:
        policy: Moves the mask, such as RigL; in place of its own `initial` mask it starts with the ticket's.
        initialise: How the kept weights are drawn, in place of the network's own way, such as SparseFanIn.
        name: What it is called; by default as the policy, 'rigl', and as the initialisation, if there is one.

    Raises:
        ValueError: If the policy has no `initial` mask, or the name cannot name a folder.
    """

    policy: Policy
    initialise: Initialisation | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if not (is_dataclass(self.policy) and "initial" in {each.name for each in fields(self.policy)}):
            raise ValueError(
                f"{type(self.policy).__name__} starts with no initial mask that could be a ticket's: give a policy of "
                "dynamic sparse training, such as RigL"
            )
        if self.name is not None and (not self.name or {*self.name} & {*"/\\ "}):
            raise ValueError(f"a control DynamicTraining is called '{self.name}', which cannot name a folder: say rigl")

    @property
    def arm(self) -> str:
        """By its policy, and how its weights are drawn where that is not the network's own way."""
        policy = underscored(type(self.policy))
        return self.name or (policy if self.initialise is None else f"{policy}_{self.initialise.name}")

    def check_data(self, built: Built) -> None:
        """The training is long enough for the policy's moments."""
        self.policy.check_clock(clock_before(built))

    def tried(self) -> "DynamicTraining":
        """With moments that the shortest training has."""
        return replace(self, policy=self.policy.tried())

    def ticket(self, case: Case) -> Ticket:
        """The ticket's mask to start with, other initialisation."""
        init = mix("reinitialised", case.recipe.seeds.init, case.ticket.round)  # that of the control Reinitialised
        policy = _starting(self.policy, case.found.mask)
        ticket = replace(case.ticket, arm=self.arm, mask=None, start=None, init=init, more="0ep")
        return replace(ticket, policy=policy, initialise=self.initialise)


@dataclass(frozen=True)
class Restarted(Control):
    """The pruned network itself, trained once more by the schedule from its beginning, under the ticket's mask.

    The prune restart of Evci et al., 2022, arXiv:2010.03533; learning-rate rewinding beside a ticket that is rewound
    otherwise (Renda et al., 2020, arXiv:2003.02389).
    """

    arm: ClassVar[str] = "restarted"
    moments: ClassVar[tuple[str, ...]] = ("0it",)

    def ticket(self, case: Case) -> Ticket:
        """Same mask, weights of the network that was pruned."""
        mask = case.found.mask
        start = write_start(case.folder / "start.ckpt", case.dense.kept("0it"), case.found.late.trained, mask)
        return replace(case.ticket, arm=self.arm, start=start, more="0ep")


def _starting(policy: Any, mask: Mask) -> Policy:
    """The policy, with a mask to start with."""
    made: Policy = replace(policy, initial=Fixed(mask))
    return made
