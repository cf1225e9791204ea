"""How surely tickets at the best of several learning rates are above everything that they are compared with.

A condition of Ma et al. (2021, arXiv:2107.00166) reads: there is a learning rate of tickets at which a difference from
every one of some other trainings lies above a threshold. Arrays may have leading axes `...`, for many tables at once.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .growing import MORE
from .intervals import NOISE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Margins:
    """Differences over seeds, for every learning rate of tickets and everything that they are compared with there.

    Args:
        mean: Mean difference minus the threshold `(..., L, M)`; NaN where no seed has both.
        spread: Standard deviation over seeds `(..., L, M)`; NaN where it is unknown, which values that agree exactly
            leave it too (see `Interval.side`).
        n: Number of seeds that have both `(..., L, M)`.
        threshold: What the differences have to be above.
    """

    mean: Array
    spread: Array
    n: Array
    threshold: float

    @property
    def measured(self) -> bool:
        """Whether any seed has both."""
        return bool((self.n > 0).any())

    def lowest(self) -> Array:
        """The smallest mean margin at every learning rate of tickets `(..., L)`."""
        return np.asarray(np.fmin.reduce(self.mean, axis=-1))

    def bounds(self, level: float) -> tuple[Array, Array]:
        r"""Confidence bounds of the smallest margin at every learning rate of tickets.

        Lower bounds hold for all learning rates at once (Bonferroni over `L`), so that the largest of them is a lower
        bound of the best learning rate's margin. At one learning rate they need no correction for the `M` comparisons:
        the smallest of their bounds is above the true minimum only if the bound of that one comparison is above its
        truth (Berger, 1982, Multiparameter hypothesis testing and acceptance sampling: an intersection-union test).
        Upper bounds are the other way round: over `M` they need Bonferroni, over `L` nothing.

        .. math:: \bar d \mp t_{1 - a,\, n - 1} \; s / \sqrt{n}, \quad a = \text{level} / L \text{ or level} / M

        Args:
            level: Probability with which each of the two kinds may be wrong.

        Returns:
            Lower and upper bounds `(..., L)`; infinite where the spread of a comparison is unknown.
        """
        rates, others = self.mean.shape[-2:]
        error, freedom = self.spread / np.sqrt(np.maximum(self.n, 1)), np.maximum(self.n - 1, 1)
        low = self.mean + special.stdtrit(freedom, level / rates) * error
        high = self.mean - special.stdtrit(freedom, level / others) * error
        return np.where(np.isnan(low), -np.inf, low).min(-1), np.where(np.isnan(high), np.inf, high).min(-1)

    def grown(self) -> "Margins":
        """What 0, 1, ... 100 more seeds would give if means and spreads stayed as they are, along a first axis."""
        return replace(self, n=self.n + MORE.reshape(-1, *[1] * self.n.ndim))


def margins(differences: Array, threshold: float) -> Margins:
    """Means and spreads over seeds.

    Args:
        differences: Tickets minus others, seed by seed `(..., L, M, seeds)`; NaN where a seed lacks one of the two.
        threshold: What differences have to be above.

    Example:
        >>> margins(np.array([[[0.01, 0.03]]]), threshold=0.005).mean.round(3).tolist()
        [[0.015]]
    """
    known = np.isfinite(differences)
    n = known.sum(-1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, differences, 0).sum(-1) / n
        squares = np.where(known, differences - mean[..., None], 0) ** 2
        spread = np.sqrt(squares.sum(-1) / (n - 1))
    return Margins(mean - threshold, np.where((n > 1) & (spread > NOISE), spread, np.nan), n, threshold)


def against_all(tickets: Array, others: Array, threshold: float) -> Margins:
    """Tickets at every learning rate against others at any learning rate.

    Args:
        tickets: Accuracies `(..., L, seeds)`.
        others: Accuracies `(..., M, seeds)`.
        threshold: What tickets have to be above them by.
    """
    return margins(tickets[..., :, None, :] - others[..., None, :, :], threshold)


def side(low: Array, high: Array) -> NDArray[np.int_]:
    """+1 where a bound says that a margin is positive, -1 where one says that it is negative, 0 where neither does."""
    return np.where(low > 0, 1, np.where(high < 0, -1, 0))
