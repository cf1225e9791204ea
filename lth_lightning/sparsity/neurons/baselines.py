"""Selections that greedy imitation is compared with."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from .choosing import best, by_chance, by_norm, by_scale, forward_selection
from .gram import Step
from .layer import Layer
from .selection import Choice, Selection, Stop


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
