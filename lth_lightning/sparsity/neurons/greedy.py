"""Selections by greedy imitation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .gram import Step
from .imitation import imitate
from .layer import Layer
from .output_imitation import imitate_output
from .selection import Choice, Selection, Stop


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
