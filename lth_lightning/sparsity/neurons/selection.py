"""Ways to choose a layer's neurons, behind one interface."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from .gram import Step, check_width
from .layer import Kind, Layer

LEAST_GAIN = 1e-3  # of a step, as a share of the discrepancy: less ends a search that converges
PATIENCE = 5  # such steps in a row, while more neurons may be kept


@dataclass(frozen=True)
class Stop:
    """When enough neurons are chosen: whichever comes first.

    Args:
        width: How many may be kept at most.
        tolerance: How much the layer may change, as `Layer.changes` tells it; None to go on to the width.
        of: What of it is looked at.
        steps: How many greedy steps may be made at most; None for as many as bring it on.
    """

    width: int
    tolerance: float | None = None
    of: Kind = "output"
    steps: int | None = None


@dataclass(frozen=True)
class Choice:
    """Which neurons of a layer are kept, and with what weights.

    Args:
        coefficients: (N,) float64, a; zero for those that go.
        by: The selection that chose.
        steps: How many steps it made.
        met: Whether a tolerance was met; None if there was none.
    """

    coefficients: Tensor
    by: str
    steps: int
    met: bool | None

    @property
    def kept(self) -> list[int]:
        """The neurons with a weight, in their order."""
        return [int(i) for i in self.coefficients.nonzero().flatten()]


class Selection(ABC):
    """How the neurons of a layer are chosen; `converges` says whether a step that gains little ends the search."""

    converges: ClassVar[bool] = False

    @abstractmethod
    def steps(self, layer: Layer, width: int) -> Iterator[Step]:
        """The choice, little by little; a step of size zero brings it no further.

        Args:
            layer: The layer.
            width: How many neurons may be kept at most, 1 to N.
        """

    def choose(self, layer: Layer, stop: Stop) -> Choice:
        """Choose until it is enough.

        Args:
            layer: The layer.
            stop: When it is.

        Raises:
            ValueError: If the width is none from 1 to N.
        """
        check_width(stop.width, layer.group.count)
        met: bool | None = None if stop.tolerance is None else False
        before, number, step, small = float("inf"), 0, None, 0
        for number, step in enumerate(self.steps(layer, stop.width), start=1):
            if stop.tolerance is not None:
                met = layer.changes(step.coefficients, stop.of) <= stop.tolerance
            small = small + 1 if before - step.discrepancy < LEAST_GAIN * before else 0
            settled = self.converges and small >= (1 if len(step.kept) >= stop.width else PATIENCE)
            if met or number == stop.steps or settled:
                break
            before = step.discrepancy
        assert step is not None
        return Choice(step.coefficients, type(self).__name__, number, met)

    def reseeded(self, seed: int) -> Self:
        """This selection for another replicate; the same one, unless it draws random numbers."""
        return self

    def check(self, layer: Layer) -> None:
        """Raise a ValueError if it cannot choose the neurons of a layer; the layer has no images yet."""
        return None
