"""Are the large weights at the end those that were large at the beginning?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ..analysis import weight_correlation
from .base import Analysis, Lineage, Row, named, weights_of


@dataclass(frozen=True)
class WeightCorrelation(Analysis):
    """R_p of every network with its initialisation under its mask (Liu et al., 2021, arXiv:2102.11068).

    The share of the largest weights of each layer at the end that were among the largest at the beginning; p by chance.
    That initialisation is the dense network's, also for controls that start otherwise.

    Args:
        p: Share of a layer's kept weights that counts as large.

    Raises:
        ValueError: If p is outside (0, 1].
    """

    p: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.p <= 1:
            raise ValueError(f"p is a share of the weights, above 0 and up to 1, such as 0.2, not {self.p}")

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each network, those of controls too: all layers together, and each."""
        initial, found = lineage.initial(), []
        for network in (*lineage.networks, *lineage.controls):
            measured = weight_correlation(initial, weights_of(network), self.p, network.mask)
            row = {name: network.row[name] for name in ("arm", "round", "density", "folder")}
            row |= {"total": measured.total}
            found.append({**lineage.labels, **row, "chance": measured.chance, "layers": dict(measured.layers)})
        return found

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """Of tickets, and of each control, by round."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            arm = "ticket" if row["arm"] == "dense" else row["arm"]
            found.setdefault(f"weight_correlation/{named(row, arm)}", []).append((row["round"], row["total"]))
        return "round", found

    def sentence(self, rows: Sequence[Row]) -> str:
        """Of dense networks, or those whose only training was sparse, and of the sparsest."""
        first = "dense" if any(row["arm"] == "dense" for row in rows) else "sparse"
        own = [row for row in rows if row["arm"] in (first, "ticket")]
        last = max(row["round"] for row in own)
        there, sparse = (fmean(row["total"] for row in own if row["round"] == number) for number in (0, last))
        then = f", {sparse:.2f} in round {last}" if last else ""
        told = f"of large weights {there:.2f} were large at initialisation in {first} networks{then}"
        return f"{told} ({self.p:g} by chance)"
