"""How is the loss curved where networks are, and what do moves of a mask do to it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from .base import Analysis, Lineage, Row, named
from .looks import kinds, looks


@dataclass(frozen=True)
class Hessian(Analysis):
    """Gathers what the callback `HessianSpectrum` wrote in every training (Evci et al., 2022, arXiv:2010.03533)."""

    def rows(self, lineage: Lineage) -> list[Row]:
        """The rows of all trainings, as the callback describes them."""
        return list(looks(lineage, self.name))

    @property
    def nothing(self) -> str:
        """What writes them."""
        return "no training has a hessian.jsonl: train with --config hessian"

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """The share of negative eigenvalues and the largest one, of every training by step."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            label = named(
                row, row["arm"], f"round {row['round']}", *([f"{row['when']} a move"] if "when" in row else [])
            )
            found.setdefault(f"negative_share/{label}", []).append((row["step"], row["negative"] / row["size"]))
            found.setdefault(f"largest_eigenvalue/{label}", []).append((row["step"], largest(row)))
        return "step", found

    def sentence(self, rows: Sequence[Row]) -> str:
        """The negative eigenvalues and the largest at the last look, and how many a move of a mask brings."""
        told = [_told(kind, own) for kind, own in kinds([row for row in rows if "when" not in row]).items()]
        sides = [[row["negative"] for row in rows if row.get("when") == side] for side in ("before", "after")]
        if all(sides):
            before, after = map(fmean, sides)
            told.append(
                f"moves of masks change the number of negative ones from {before:.4g} to {after:.4g} in the mean"
            )
        return f"of the Hessian's eigenvalues {'; '.join(told)}"


def largest(row: Row) -> float:
    """The largest eigenvalue of a look."""
    return float(row["top"][0] if "top" in row else max(row["values"]))


def _told(kind: str, rows: Sequence[Row]) -> str:
    last = max(row["step"] for row in rows)
    own = [row for row in rows if row["step"] == last]
    share, top = fmean(row["negative"] / row["size"] for row in own), fmean(map(largest, own))
    about = "" if all(row["exact"] for row in own) else "about "
    return f"{about}{100 * share:.3g} % are negative at step {last} and the largest is {top:.3g} in {kind}"
