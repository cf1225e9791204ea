"""Ways to choose a layer's neurons, behind one interface."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from torch import Tensor

from .choosing import best, by_chance, by_norm, by_scale, forward_selection
from .imitation import Step, check_width, imitate
from .layer import Kind, Layer
from .output_imitation import imitate_output

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


@dataclass(frozen=True)
class LocalImitation(Selection):
    """Greedy local imitation: what the next layer makes of the neurons stays (Ye et al., 2020, arXiv:2010.15969)."""

    converges: ClassVar[bool] = True

    def steps(self, layer: Layer, width: int) -> Iterator[Step]:
        """From the Gram matrix, with removal, re-selection and exact step sizes."""
        return imitate(layer.gram, width)


@dataclass(frozen=True)
class GlobalImitation(Selection):
    """Greedy global imitation: the network's output stays what it was (Ye et al., 2020, arXiv:2010.15969).

    The neuron of a step is found by slopes (a Taylor approximation), its size by a line search on the output.
    """

    converges: ClassVar[bool] = True

    def steps(self, layer: Layer, width: int) -> Iterator[Step]:
        """On the images; a step takes a backward pass and some fifteen forward passes."""
        return imitate_output(layer.output, width)


@dataclass(frozen=True)
class GreedyImitation(Selection):
    """The better of greedy local and global imitation, for each layer (Ye et al., 2020, arXiv:2010.15969).

    At equal width the better is the one that changes the network's output less; under a tolerance the one that needs
    fewer neurons. What we read of the paper does not say by what it compares them.
    """

    def steps(self, layer: Layer, width: int) -> Iterator[Step]:
        """Those of the better one at this width."""
        by = self.choose(layer, Stop(width)).by
        return next(each for each in _BOTH if type(each).__name__ == by).steps(layer, width)

    def choose(self, layer: Layer, stop: Stop) -> Choice:
        """Choose by both."""
        choices = [selection.choose(layer, stop) for selection in _BOTH]
        return min(choices, key=lambda choice: self._badness(layer, choice))

    def _badness(self, layer: Layer, choice: Choice) -> tuple[bool, int, float]:
        met, width = choice.met is not False, 0 if choice.met is None else len(choice.kept)
        return not met, width if met else 0, layer.changes(choice.coefficients, "output")


_BOTH: Sequence[Selection] = (LocalImitation(), GlobalImitation())


@dataclass(frozen=True)
class ForwardSelection(Selection):
    """Greedy forward selection on the labels' loss, all chosen neurons alike (Ye et al., 2020, arXiv:2003.01794).

    What the released code does. A step looks at one batch; once all have been seen they come again.

    Args:
        candidates: How many neurons a step looks at, drawn from those that are not chosen yet.
        seed: Of these draws; `lth` replaces it by the replicate's.
    """

    candidates: int = 50
    seed: int = 0

    def steps(self, layer: Layer, width: int) -> Iterator[Step]:
        """One neuron more with each."""
        batches = (layer.batches[number % len(layer.batches)] for number in range(width))
        return forward_selection(layer.net, layer.group, batches, self.candidates, self.seed)

    def reseeded(self, seed: int) -> Self:
        """With other draws."""
        return replace(self, seed=seed)


class _ByScore(Selection):
    """The best-scored neurons, as they are."""

    def steps(self, layer: Layer, width: int) -> Iterator[Step]:
        """One neuron more with each."""
        scores = self.scores(layer).to(layer.whole.device)
        order = [int(i) for i in scores.argsort(descending=True, stable=True)[:width]]
        for number, chosen in enumerate(order, start=1):
            coefficients = best(scores, number)
            yield Step(coefficients, layer.gram.discrepancy(coefficients), chosen, 1.0)

    def choose(self, layer: Layer, stop: Stop) -> Choice:
        """So many at once, unless there is a tolerance or a number of steps to look at."""
        if stop.tolerance is not None or stop.steps is not None:
            return super().choose(layer, stop)
        return Choice(best(self.scores(layer).to(layer.whole.device), stop.width), type(self).__name__, 1, None)

    @abstractmethod
    def scores(self, layer: Layer) -> Tensor:
        """(N,), higher is better."""


@dataclass(frozen=True)
class FilterNorm(_ByScore):
    """The neurons with the largest L1 norm of their weights, as they are (Li et al., 2017, arXiv:1608.08710)."""

    def scores(self, layer: Layer) -> Tensor:
        """The norms."""
        return by_norm(layer.net, layer.group)


@dataclass(frozen=True)
class BatchNormScale(_ByScore):
    """The channels with the largest scale of batch norm, as they are (network slimming; Liu et al., 2017).

    Source: arXiv:1708.06519, without its L1 penalty on the scales while the dense network is trained.
    """

    def scores(self, layer: Layer) -> Tensor:
        """The scales."""
        return by_scale(layer.net, layer.group)

    def check(self, layer: Layer) -> None:
        """There are scales."""
        by_scale(layer.net, layer.group)


@dataclass(frozen=True)
class RandomNeurons(_ByScore):
    """Neurons drawn at random, as they are.

    Args:
        seed: Of the draws; `lth` replaces it by the replicate's.
    """

    seed: int = 0

    def scores(self, layer: Layer) -> Tensor:
        """Random numbers, a function of the seed and the layer's name."""
        return by_chance(layer.group, self.seed)

    def reseeded(self, seed: int) -> Self:
        """With other draws."""
        return replace(self, seed=seed)
