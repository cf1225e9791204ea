"""One way to evaluate the networks on a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..analysis import Batches, Statistics, along, barrier
from ..experiments import Built
from .base import Row
from .images import Images

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Way:
    """One way to evaluate networks on a line."""

    built: Built
    places: Sequence[float]
    images: Images
    batches: Batches
    statistics: Statistics
    calibration: Batches | None

    def line(self, one: State, other: State) -> Row:
        """Values along the line from one state to another, and their barriers."""
        curve = along(
            self.built.module, one, other, self.places, self.batches, self.statistics, calibration=self.calibration
        )
        row: dict[str, Any] = {"images": self.images, "statistics": self.statistics, "alphas": list(curve.alphas)}
        for name, values in (("error", curve.error), ("loss", curve.loss)):
            row |= {name: list(values), f"{name}_barrier": barrier(values[1:-1], (values[0], values[-1]))}
        return row
