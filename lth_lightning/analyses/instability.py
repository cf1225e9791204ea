"""Does SGD noise decide in which basin a training ends?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Literal

from ..report.measures import LEVELS
from .base import Lineage, Row, state_of
from .lines import Lines

STABLE = LEVELS["instability"]


@dataclass(frozen=True, kw_only=True)
class Instability(Lines):
    """The error barrier between copies of a network that differ in SGD noise only (Frankle et al., 2020).

    Copies are made by the experiment `Instability`, and of tickets and their controls by the control `OtherNoise`.
    Where there are more than two, the instability is the mean over all pairs. Source: arXiv:1912.05671.

    Args:
        number: How many networks on the line to evaluate.
        where: At the 'ends' and evenly between them, or in the 'middles' of as many equal parts, as the source.
        span: Between which alphas, 0 being one network and 1 the other; beyond these it goes on straight.
        statistics: What batch norm normalises by, one or several of: running statistics, 'interpolated' as the weights
            or 'estimated' on training images at each place; those of the 'batch' at hand.
        images: The images to evaluate on, one or several of 'train' (as they are, not augmented), 'val' and 'test'.
        batches: At most so many batches of them, for evaluations in less time, the same ones for every network; all by
            default.
        calibration: Number of training batches to estimate statistics on.

    Raises:
        ValueError: If there are too few places, or no such span, batches, calibration, statistics or images.
    """

    number: int = 30
    where: Literal["ends", "middles"] = "middles"

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each set of copies and way to evaluate, with the values along the line of each pair."""
        if not lineage.copies:
            return []
        ways, found = self.ways(lineage), []
        for copies in lineage.copies:
            states = [state_of(network) for network in copies]
            first = copies[0].row
            about = {name: first[name] for name in ("arm", "round", "density", "start_step", "lr")}
            about |= {"folder": first["folder"], "copies": len(copies)}
            for way in ways:
                lines = [way.line(one, other) for one, other in combinations(states, 2)]
                shared = {name: lines[0][name] for name in ("images", "statistics", "alphas")}
                means = {name: fmean(line[name] for line in lines) for name in ("error_barrier", "loss_barrier")}
                curves = {name: [line[name] for line in lines] for name in ("error", "loss")}
                found.append({**lineage.labels, **about, **shared, **means, **curves})
        return found

    @property
    def nothing(self) -> str:
        """What makes copies."""
        return (
            "there are no copies under other SGD noise: run the experiment Instability, or give a pruning experiment "
            "the control OtherNoise"
        )

    def sentence(self, rows: Sequence[Row]) -> str:
        """From which step on networks are stable, or how unstable they are."""
        own = self.of_first(rows)
        said = [_onset(arm, [row for row in own if _kind(row) == arm]) for arm in dict.fromkeys(map(_kind, own))]
        return f"{'; '.join(said)} ({self.how})"


def _kind(row: Row) -> str:
    """Copies of the dense network from several moments belong together."""
    arm: str = row["arm"]
    return "dense networks" if arm.startswith("from_") else f"'{arm}'"


def _onset(kind: str, rows: Sequence[Row]) -> str:
    """In words, the means over seeds, and from where on they are below the bound."""
    axis = "start_step" if len({row["start_step"] for row in rows}) > 1 else "density"
    places = sorted({row[axis] for row in rows}, reverse=axis == "density")
    means = {at: fmean(row["error_barrier"] for row in rows if row[axis] == at) for at in places}
    at = "step" if axis == "start_step" else "density"
    told = ", ".join(f"{100 * mean:.2f} at {at} {place:.3g}" for place, mean in means.items())
    stable = next((place for place in places if all(means[p] < STABLE for p in places[places.index(place) :])), None)
    since = "not below 2 at the last" if stable is None else f"below 2 from {at} {stable:.3g} on"
    return f"the instability of {kind} in points is {told}: {since}"
