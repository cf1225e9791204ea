"""Do successive rounds of pruning end in one basin?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from ..analysis import Statistics, along, alphas, barrier
from ..experiments import Built
from ..sparsity import Sample
from ..training import Drawn
from .base import Analysis, Lineage, Network, Row


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
        built, found = lineage.build(), []
        batches = built.data.test_dataloader() if self.images == "test" else built.data.val_dataloader()
        sample = Sample(per_class=None, batches=self.calibration)
        calibration = list(Drawn(built.data, sample)) if self.statistics == "estimated" else None
        states = ((network, network.state()) for network in lineage.networks)
        before, one = next(states)
        for network, other in states:
            found.append(dict(lineage.labels) | self._line(built, before, network, one, other, batches, calibration))
            before, one = network, other
        return found

    def _line(
        self,
        built: Built,
        before: Network,
        after: Network,
        one: dict[str, Tensor],
        other: dict[str, Tensor],
        batches: Any,
        calibration: Any,
    ) -> Row:
        places = alphas(self.number, self.where)
        curve = along(built.module, one, other, (0.0, *places, 1.0), batches, self.statistics, calibration)
        row: Row = {"from": before.round, "to": after.round, "density": after.density}
        row |= {"images": self.images, "statistics": self.statistics, "alphas": list(curve.alphas)}
        for name, values in (("error", curve.error), ("loss", curve.loss)):
            row |= {name: list(values), f"{name}_barrier": barrier(values[1:-1], (values[0], values[-1]))}
        return row

    def sentence(self, rows: Sequence[Row]) -> str:
        """Where the barriers are largest and smallest."""
        low, high = (pick(rows, key=lambda row: float(row["error_barrier"])) for pick in (min, max))
        how = f"batch norm by {self.statistics} statistics, if any"
        return f"error barriers between successive rounds go from {_told(low)} to {_told(high)} points ({how})"


def _told(row: Row) -> str:
    return f"{100 * row['error_barrier']:.2f} ({row['from']} to {row['to']}, seed {row['seed']})"
