"""Do successive rounds of pruning end in one basin?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

from ..analysis import Curve, Statistics, along, alphas, barrier
from ..experiments import Result
from ..sparsity import Sample
from ..training import Drawn
from .base import Analysis, Lineage, Row, state_of


@dataclass(frozen=True, kw_only=True)
class BetweenRounds(Analysis):
    """Error and loss on the line from each round's network to the next one's (Maene et al., 2021, arXiv:2106.06955).

    The barrier is the highest value on the line minus the mean of its ends. Weights that the next round prunes go to
    zero on the way. With only two networks on file it is that of these two.

    Args:
        number: How many networks on the line to evaluate.
        where: At the 'ends' and evenly between them, or in the 'middles' of as many equal parts.
        statistics: What batch norm normalises by: running statistics, 'interpolated' as the weights or 'estimated' on
            training images at each place; or those of the 'batch' at hand.
        images: The images to evaluate on: 'test' or 'val'.
        calibration: Number of training batches to estimate statistics on.

    Raises:
        ValueError: If there are too few places on the line, or no calibration.
    """

    number: int = 20
    where: Literal["ends", "middles"] = "ends"
    statistics: Statistics = "interpolated"
    images: Literal["test", "val"] = "test"
    calibration: int = 8

    def __post_init__(self) -> None:
        alphas(self.number, self.where)
        if self.calibration < 1:
            raise ValueError(f"calibration is {self.calibration}: estimate statistics on at least one batch")

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each pair of successive rounds, with the values along the line."""
        built = lineage.build()
        sample = Sample(per_class=None, batches=self.calibration)
        line = partial(
            along,
            built.module,
            alphas=(0.0, *alphas(self.number, self.where), 1.0),  # the ends are what a barrier is counted from
            batches=built.data.test_dataloader() if self.images == "test" else built.data.val_dataloader(),
            statistics=self.statistics,
            calibration=list(Drawn(built.data, sample)) if self.statistics == "estimated" else None,
        )
        states = ((network, state_of(network)) for network in lineage.networks)
        return [
            {**lineage.labels, **_row(before, after, line(one, other))}
            for (before, one), (after, other) in pairwise(states)
        ]

    def sentence(self, rows: Sequence[Row]) -> str:
        """Where the barriers are largest and smallest."""
        low, high = (pick(rows, key=lambda row: float(row["error_barrier"])) for pick in (min, max))
        how = f"batch norm by {self.statistics} statistics, if any"
        return f"error barriers between successive rounds go from {_told(low)} to {_told(high)} points ({how})"


def _row(before: Result, after: Result, curve: Curve) -> Row:
    row: Row = {"from": before.row["round"], "to": after.row["round"], "density": after.row["density"]}
    row |= {"alphas": list(curve.alphas)}
    for name, values in (("error", curve.error), ("loss", curve.loss)):
        row |= {name: list(values), f"{name}_barrier": barrier(values[1:-1], (values[0], values[-1]))}
    return row


def _told(row: Row) -> str:
    return f"{100 * row['error_barrier']:.2f} ({row['from']} to {row['to']}, seed {row['seed']})"
