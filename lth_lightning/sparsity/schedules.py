"""Functions of the step: how a density falls, and how the share of weights that are exchanged does."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Cubic:
    """A density that falls fast at first and ever slower (Zhu & Gupta, 2017, arXiv:1710.01878).

    d_t = d_1 + (d_0 - d_1) * (1 - (t - t0) / (t1 - t0)) ** 3 from t0 to t1, d_0 before and d_1 after; 1 - d is their s.

    Args:
        initial: d_0, the density up to the beginning.
        final: d_1, the density from the end on.

    Example:
        >>> [round(Cubic(1.0, 0.2)(step, begin=10, end=20), 9) for step in (0, 10, 15, 20, 99)]
        [1.0, 1.0, 0.3, 0.2, 0.2]
    """

    initial: float
    final: float

    def __call__(self, step: float, begin: float, end: float) -> float:
        """The density at a step.

        Args:
            step: t, the number of completed optimizer steps.
            begin: t0.
            end: t1; not before t0.
        """
        if step <= begin and step < end:
            return self.initial  # exactly
        left = 0.0 if step >= end else 1 - (step - begin) / (end - begin)
        return self.final + (self.initial - self.final) * left**3


class Annealing(ABC):
    """By which factor a share of weights to exchange has fallen."""

    @abstractmethod
    def __call__(self, step: float, end: float, lr: float) -> float:
        """The factor, from 0 to 1.

        Args:
            step: t, the number of completed optimizer steps.
            end: T, the last step at which weights are exchanged.
            lr: The learning rate, as a share of the base rate.
        """


@dataclass(frozen=True)
class Cosine(Annealing):
    """Half a cosine, (1 + cos(pi * t / T)) / 2 (Evci et al., 2020, arXiv:1911.11134)."""

    def __call__(self, step: float, end: float, lr: float) -> float:
        """From 1 at the first step down to 0 at the end."""
        return (1 + math.cos(math.pi * min(1.0, step / end))) / 2 if end else 0.0


@dataclass(frozen=True)
class Constant(Annealing):
    """No annealing, as in SET (Mocanu et al., 2018, arXiv:1707.04780)."""

    def __call__(self, step: float, end: float, lr: float) -> float:
        """One."""
        return 1.0


@dataclass(frozen=True)
class LikeLearningRate(Annealing):
    """In proportion to the learning rate: lr_t / lr_0 (the code released with Evci et al., 2022, arXiv:2010.03533)."""

    def __call__(self, step: float, end: float, lr: float) -> float:
        """The share of the base rate, at most 1."""
        return min(1.0, lr)
