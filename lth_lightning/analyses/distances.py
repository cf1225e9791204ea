"""How far apart are the networks of all rounds?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import get_args

from ..analysis import Measure, distance_matrix
from .base import Analysis, Lineage, Row, named, weights_of


@dataclass(frozen=True)
class Distances(Analysis):
    """Angular, cosine and Euclidean distance of every two rounds, and of each to the initialisation.

    On the weights that both keep, as Maene et al., 2021, arXiv:2106.06955: the angular distance 2 angle / pi is 0 for
    the same direction and about 1 for unrelated ones.
    """

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each pair; the initialisation is called 'init'."""
        names = [*(network.row["round"] for network in lineage.networks), "init"]
        weights = [*(weights_of(network) for network in lineage.networks), lineage.initial()]
        masks = [*(network.mask for network in lineage.networks), None]
        found = {measure: distance_matrix(weights, masks, measure) for measure in get_args(Measure)}
        pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
        folders = {i + 1: network.row["folder"] for i, network in enumerate(lineage.networks[1:])}
        return [
            {**lineage.labels, "one": names[i], "other": names[j]}
            | {name: float(m[i, j]) for name, m in found.items()}
            | ({"folder": folders[j]} if j in folders and i + 1 == j else {})  # what is said of a round: since the last
            for i, j in pairs
        ]

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """The angle to the round before, and to the initialisation, by round."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            if row["other"] == "init":
                found.setdefault(f"angular_distance/{named(row, 'to init')}", []).append((row["one"], row["angular"]))
            elif row["other"] == row["one"] + 1:
                label = f"angular_distance/{named(row, 'to the round before')}"
                found.setdefault(label, []).append((row["other"], row["angular"]))
        return "round", found

    def sentence(self, rows: Sequence[Row]) -> str:
        """The mean angle of successive rounds, and of trained networks to their initialisation."""
        successive = [row["angular"] for row in rows if row["other"] != "init" and row["other"] == row["one"] + 1]
        initial = [row["angular"] for row in rows if row["other"] == "init"]
        between = f"{fmean(successive):.2f} between successive rounds, " if successive else ""
        return f"the mean angular distance is {between}{fmean(initial):.2f} to the initialisation (1: unrelated)"
