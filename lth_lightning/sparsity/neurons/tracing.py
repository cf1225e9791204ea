"""How near a few neurons come to a layer, the more there are: ways to choose them, traced over their number."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import Tensor

from .gram import Gram, Step
from .imitation import imitate, toward

SETTLED = 1e-3  # of the discrepancy; what falls by no larger share in as many steps as there are neurons has converged
PATIENCE = 10  # times as many steps as there are neurons are taken at most


@dataclass(frozen=True)
class Chosen:
    """What a way chooses when it is given a number.

    Args:
        number: n, of neurons or of steps, as the way counts.
        steps: How many steps were taken.
        coefficients: (N,) float64, in the simplex.
    """

    number: int
    steps: int
    coefficients: Tensor

    @property
    def neurons(self) -> int:
        """How many have a weight."""
        return int(self.coefficients.count_nonzero())


def spaced(count: int, places: int = 24) -> list[int]:
    """Whole numbers from 1 to a count, evenly spaced on a logarithmic axis where that leaves gaps, both ends included.

    Args:
        count: N.
        places: About how many; of no more than these all.

    Example:
        >>> spaced(100, 8)
        [1, 2, 4, 7, 14, 27, 52, 100]
    """
    if count <= places:
        return list(range(1, count + 1))
    return sorted({round(math.exp(i / (places - 1) * math.log(count))) for i in range(places)})


def settled(gram: Gram, number: int) -> Chosen:
    """Greedy local imitation of so many neurons at most, until it no longer gets better (Ye et al., 2020).

    Once there are so many only their weights change. Source: arXiv:2010.15969.

    Args:
        gram: Of the layer.
        number: Of neurons, 1 to N.
    """
    marks, taken = list[float](), 0
    for step in imitate(gram, number):
        taken += 1
        marks.append(step.discrepancy)
        before = marks[-1 - number] if len(marks) > number else math.inf
        full = len(step.kept) >= number or step.size == 0
        if (full and step.discrepancy >= (1 - SETTLED) * before) or taken >= PATIENCE * number + 100:
            break
    return Chosen(number, taken, step.coefficients)


def fixed_steps(gram: Gram) -> Iterator[Step]:
    """Greedy forward selection of a layer, step by step, without an end: the k-th step has the size 1 / k.

    Of all neurons the one is taken with which the discrepancy is least then; it may have been taken before. A weight is
    how often a neuron was, divided by k. The discrepancy falls as 1 / k^2 where the layer lies inside the hull of its
    neurons (Ye et al., 2020, "Good Subnetworks Provably Exist", arXiv:2003.01794).

    Args:
        gram: Of the layer.
    """
    first = next(imitate(gram))
    yield first
    a, size = first.coefficients, 1.0
    while True:
        size = 1 / (1 / size + 1)
        slope, bend = toward(gram, a)
        chosen = int((2 * size * slope - size**2 * bend).argmax())
        a = (1 - size) * a
        a[chosen] += size
        yield Step(a, gram.discrepancy(a), chosen, size)


def after(steps: Iterable[Step], numbers: Sequence[int]) -> Iterator[Chosen]:
    """What a search has after so many steps; those that it does not reach are left out.

    Args:
        steps: The search.
        numbers: Of steps, rising.
    """
    for taken, step in enumerate(islice(steps, numbers[-1]), start=1):
        if taken in numbers:
            yield Chosen(taken, taken, step.coefficients)


def within(steps: Iterable[Step], numbers: Sequence[int]) -> Iterator[Chosen]:
    """The best that a search has had with so many neurons at most; numbers that it does not reach are left out.

    Args:
        steps: The search, with an end.
        numbers: Of neurons, rising.
    """
    seen = [(len(step.kept), step.discrepancy, taken, step) for taken, step in enumerate(steps, start=1)]
    reached = max(neurons for neurons, *_ in seen)
    for number in numbers:
        if number <= reached:
            _, taken, step = min((each[1:] for each in seen if each[0] <= number), key=lambda each: each[0])
            yield Chosen(number, taken, step.coefficients)
