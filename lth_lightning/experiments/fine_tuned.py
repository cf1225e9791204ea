"""The control that fine-tunes instead of rewinding."""

from dataclasses import dataclass, replace
from typing import ClassVar

from ..training import write_start
from .base import Ticket
from .control import Case, Control


@dataclass(frozen=True)
class FineTuned(Control):
    """Pruning & fine-tuning under the ticket's mask (Liu et al., 2021, arXiv:2102.11068).

    The trained weights of the dense network, whatever found the mask, are trained again for as long as it was, with the
    schedule from its beginning. So it has had as many epochs as the ticket, and differs in its starting weights only.
    """

    arm: ClassVar[str] = "fine_tuned"
    moments: ClassVar[tuple[str, ...]] = ("0it",)

    def ticket(self, case: Case) -> Ticket:
        """Same mask, trained weights."""
        mask = case.found.mask
        start = write_start(case.folder / "start.ckpt", case.dense.kept("0it"), case.dense.trained, mask)
        return replace(case.ticket, arm=self.arm, start=start, more="0ep")
