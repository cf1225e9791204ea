"""One way to evaluate the networks on a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from torch import Tensor

from ..analysis import Batches, Statistics, along, barrier
from ..experiments import Built
from .base import Row
from .images import Images

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Way:
    """One way to evaluate networks on a line, at places of which 0 is one network and 1 the other."""

    built: Built
    places: Sequence[float]
    images: Images
    batches: Batches
    statistics: Statistics
    calibration: Batches | None

    def line(self, one: State, other: State) -> Row:
        """Values along the line from one state to another, and their barriers.

        The ends are evaluated too, as barriers are counted from them; of the `places` those between them may be the
        highest. Nothing (None) is known beyond the ends where a variance of batch norm falls below zero.
        """
        places = sorted({0.0, *self.places, 1.0})
        curve = along(self.built.module, one, other, places, self.batches, self.statistics, self.calibration)
        row: dict[str, Any] = {"images": self.images, "statistics": self.statistics, "alphas": places}
        for name, found in (("error", curve.error), ("loss", curve.loss)):
            at = dict(zip(places, found, strict=True))
            between = [at[place] for place in self.places if 0 <= place <= 1]
            row[name] = [value if isfinite(loss) else None for value, loss in zip(found, curve.loss, strict=True)]
            row[f"{name}_barrier"] = barrier(between, (at[0.0], at[1.0]))
        return row
