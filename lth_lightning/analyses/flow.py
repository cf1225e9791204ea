"""How much gradient flows while networks train?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from .base import Analysis, Lineage, Row, named
from .looks import kinds, looks


@dataclass(frozen=True)
class Flow(Analysis):
    """Gathers what the callback `GradientFlow` wrote in every training (Evci et al., 2022, arXiv:2010.03533)."""

    @property
    def name(self) -> str:
        """As the callback's files."""
        return "gradient_flow"

    def rows(self, lineage: Lineage) -> list[Row]:
        """The rows of all trainings: `step`, `norm` and `layers`, or of a mask's move the norm `before` and `after`."""
        return list(looks(lineage, self.name))

    @property
    def nothing(self) -> str:
        """What writes them."""
        return "no training has a gradient_flow.jsonl: train with --config gradient_flow"

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """The norm of every training by step, and by how much each move of its mask changes it."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            label = named(row, row["arm"], f"round {row['round']}")
            if "norm" in row:
                found.setdefault(f"gradient_norm/{label}", []).append((row["step"], row["norm"]))
            else:
                changed = (row["step"], row["after"] - row["before"])
                found.setdefault(f"gradient_norm_at_moves/{label}", []).append(changed)
        return "step", found

    def sentence(self, rows: Sequence[Row]) -> str:
        """The norm at the first step and the last, and how moves of masks change it."""
        told = [_told(kind, own) for kind, own in kinds([row for row in rows if "norm" in row]).items()]
        changes = [row["after"] - row["before"] for row in rows if "norm" not in row]
        if changes:
            raised = sum(change > 0 for change in changes)
            told.append(
                f"{raised} of {len(changes)} moves of masks raise it, by {fmean(changes):+.3g} in the mean of all"
            )
        return f"the norm of the gradient is {', '.join(told)}"


def _told(kind: str, rows: Sequence[Row]) -> str:
    first, last = (fmean(row["norm"] for row in rows if row["step"] == at) for at in _ends(rows))
    return f"{first:.3g} at first and {last:.3g} at the end in {kind}"


def _ends(rows: Sequence[Row]) -> tuple[int, int]:
    steps = [row["step"] for row in rows]
    return min(steps), max(steps)
