"""Where in the space of weights do networks start and end?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ..analysis import distance_matrix, embed
from .base import Analysis, Lineage, Row, start_of, state_of


@dataclass(frozen=True)
class WeightSpace(Analysis):
    """A picture of where all networks of a seed start and end, near to their Euclidean distances (Evci et al., 2022).

    All parameters count, pruned weights as zeros. Tickets, controls and copies of them are in it, and the end of what
    was pruned in training; other starts too, where they are on file, as training began from a checkpoint or the
    experiment says `keep_starts: true`.
    Source: arXiv:2010.03533; classical scaling (Torgerson, 1952).
    """

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for the start and the end of each network.

        `x` and `y` are its place, `number` that among the copies of an arm and round (0: no copy), and `way` the
        Euclidean distance from its start to its end, where both are there.
        """
        module = lineage.build().module
        shapes = {name: parameter.shape for name, parameter in module.named_parameters()}
        copies = [(number, each) for own in lineage.copies for number, each in enumerate(own) if number]
        networks = [*((0, each) for each in (*lineage.networks[1:], *lineage.controls)), *copies]
        found, states = list[Row](), []
        for number, network in networks:
            start = None if network.row["arm"] == "pruned" else start_of(network)  # it was dense then
            for at, whole in (("start", start), ("end", state_of(network))):
                if whole is None or any(name not in whole or whole[name].shape != s for name, s in shapes.items()):
                    continue  # not on file, or a network of another shape
                arm = network.row["arm"] if not number else network.row["copy_of"]
                row = {name: network.row[name] for name in ("round", "density", "folder")}
                found.append({**lineage.labels, "arm": arm, "number": number, **row, "at": at, "way": None})
                states.append({name: whole[name] for name in shapes})
        if len(found) < 2:
            return []
        distances = distance_matrix(states, [None] * len(states), "euclidean")
        for i, (row, place) in enumerate(zip(found, embed(distances).tolist(), strict=True)):
            row |= dict(zip("xy", place, strict=True))
            if row["at"] == "end" and i and found[i - 1]["at"] == "start" and found[i - 1]["folder"] == row["folder"]:
                row["way"] = float(distances[i - 1, i])
        return found

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """The places of the trained networks of each arm."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            found.setdefault(f"y/{row['arm']} {row['at']}, seed {row['seed']}", []).append((row["x"], row["y"]))
        return "x", found

    def sentence(self, rows: Sequence[Row]) -> str:
        """How far from their start networks go."""
        ways: dict[str, list[float]] = {}
        for row in rows:
            if row["way"] is not None:
                ways.setdefault(row["arm"], []).append(row["way"])
        if not ways:
            return "there is a picture of where networks end; their starts are not on file (keep_starts: true)"
        told = ", ".join(f"{fmean(own):.3g} for '{arm}'" for arm, own in ways.items())
        return f"the mean Euclidean distance from start to end is {told}"
