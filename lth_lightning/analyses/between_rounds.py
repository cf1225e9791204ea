"""Do successive rounds of pruning end in one basin?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .base import Lineage, Row, state_of
from .lines import Lines


@dataclass(frozen=True, kw_only=True)
class BetweenRounds(Lines):
    """Error and loss on the line from each round's network to the next one's (Maene et al., 2021, arXiv:2106.06955).

    Weights that the next round prunes go to zero on the way. With only two networks on file it is that of these two.

    Args:
        number: How many networks on the line to evaluate.
        where: At the 'ends' and evenly between them, or in the 'middles' of as many equal parts.
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

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each pair of successive rounds and way to evaluate, with the values along the line.

        `density_from` is that of the mask at alpha 0, `density` that of the mask at alpha 1.
        """
        if len(lineage.networks) < 2:
            return []
        ways, found = self.ways(lineage), []
        states = ((network, state_of(network)) for network in lineage.networks)
        for (before, one), (after, other) in pairwise(states):
            pair = {"from": before.row["round"], "to": after.row["round"], "folder": after.row["folder"]}
            pair |= {"density_from": before.row["density"], "density": after.row["density"]}
            found += [{**lineage.labels, **pair, **way.line(one, other)} for way in ways]
        return found

    def sentence(self, rows: Sequence[Row]) -> str:
        """Where the barriers are largest and smallest."""
        low, high = (pick(self.of_first(rows), key=lambda row: float(row["error_barrier"])) for pick in (min, max))
        return f"error barriers between successive rounds go from {_told(low)} to {_told(high)} points ({self.how})"


def _told(row: Row) -> str:
    return f"{100 * row['error_barrier']:.2f} ({row['from']} to {row['to']}, seed {row['seed']})"
