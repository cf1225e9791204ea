"""Is it a winning ticket? The five conditions of Ma et al. (2021, arXiv:2107.00166), judged with their uncertainty."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .conditions import RANKED, Answer, evidence
from .margins import Array
from .ruling import Rate, Ruling, literal_ruling, strict_ruling
from .sentences import measured

TOLERANCE = GAP = 0.005  # what Ma et al. ask for on CIFAR-10
NONTRIVIAL, ALPHA = 0.4, 0.05
ARMS = ("ticket", "dense", "reinitialised", "small_dense")


@dataclass(frozen=True)
class Verdict:
    """What the tickets of a round are.

    Args:
        round: Round of pruning.
        density: Mean share of weights that they keep.
        literal: Every condition at the learning rate that suits it best.
        strict: Conditions 3 to 5 at one learning rate. With a single learning rate the same as `literal`.
    """

    round: int
    density: float
    literal: Ruling
    strict: Ruling


def verdict(
    table: pd.DataFrame,
    metric: str | None = None,
    *,
    lr: str = "lr",
    tolerance: float = TOLERANCE,
    gap: float = GAP,
    nontrivial: float = NONTRIVIAL,
    alpha: float = ALPHA,
    epochs: float | None = None,
) -> list[Verdict]:
    """Whether tickets win, at every density.

    The conditions: (1) the density is not trivial, and the training sufficient; (2) tickets are clearly above small
    dense networks; (3) at some learning rate clearly above reinitialised tickets, which may have any; (4) at some
    learning rate similar to dense networks at the same; (5) at some learning rate similar to dense networks at their
    best. All five make a jackpot, the first four without the fifth a secondary prize. Read literally, every condition
    has a learning rate of its own; strictly, 3 to 5 hold at one learning rate of the tickets. The density has to be
    below `nontrivial`; clearly above is by more than `gap`, similar down to `tolerance` below.

    Seeds are paired (Student t). A condition holds if the lower bound of its difference is above the threshold, fails
    if the upper bound is below, and else nothing can be told. With r non-trivial densities every bound has the level
    alpha / r, and the best of several learning rates is accounted for (see `Margins.bounds`). So any false win (a
    jackpot or a secondary prize at a density where one of conditions 2 to 4 does not hold) in the whole table has a
    probability of at most alpha, if differences are normal; a condition is falsely told to fail as rarely, a ticket
    falsely to be none at most three times as often, because each of three conditions can deny it.

    Args:
        table: Trainings as `read` returns them, of one network on one data set.
        metric: Column to compare; None: `test_accuracy`, or `val_accuracy` where nothing was tested.
        lr: Column of the learning rate; without such a column all trainings have the same.
        tolerance: Of conditions 4 and 5: 0.005 for CIFAR-10, 0.01 for CIFAR-100 and Tiny-ImageNet, 0.015 for ImageNet.
        gap: Of conditions 2 and 3; the paper states it for the third only.
        nontrivial: Density from which on a ticket is none.
        alpha: Rate of false wins.
        epochs: How long tickets have to be trained; None: that they were trained sufficiently is taken as given.

    Returns:
        One verdict per round that has tickets, the densest first.

    Raises:
        ValueError: A tolerance, gap, density or rate is out of its range.
    """
    _refuse(tolerance, gap, nontrivial, alpha)
    metric = metric or measured(table)
    table = table.assign(rate=table[lr].astype(float) if lr in table else np.nan)
    tickets = table[(table["arm"] == "ticket") & (table["density"] > 0) & table[metric].notna()]
    densities = tickets.groupby("round")["density"].mean().sort_values(ascending=False, kind="stable")
    level = alpha / max(1, int((densities < nontrivial).sum()))
    found = []
    for number, density in densities.items():
        there = table[(table["round"] == number) | (table["arm"] == "dense")]
        own = tickets[tickets["round"] == number]
        values = {arm: _accuracies(there, arm, metric) for arm in ARMS}
        first = min(1 if density < nontrivial else -1, _sufficient(own["epochs"], epochs) if epochs else 1)
        place = int(str(number)), float(density)
        found.append(_verdict(*place, values, first, level, tolerance, gap))
    return found


def winners(verdicts: list[Verdict]) -> dict[Rate, dict[Answer, list[float]]]:
    """Which learning rates had winning tickets, as a guideline: densities by strict verdict and learning rate.

    Args:
        verdicts: As `verdict` returns them.

    Returns:
        For every learning rate the densities of each verdict, the best verdict first.
    """
    rates = sorted({rate for found in verdicts for rate in found.strict.rates}, key=_order)
    answers: tuple[Answer, ...] = (*reversed(RANKED), "cannot tell")
    found: dict[Rate, dict[Answer, list[float]]] = {rate: {} for rate in rates}
    for rate in rates:
        for name in answers:
            densities = [v.density for v in verdicts if v.strict.rates.get(rate) == name]
            found[rate] |= {name: densities} if densities else {}
    return found


def _refuse(tolerance: float, gap: float, nontrivial: float, alpha: float) -> None:
    for name, value in {"tolerance": tolerance, "gap": gap}.items():
        if not 0 < value < 1:
            raise ValueError(f"the {name} is a share, like 0.005 for half a percentage point, not {value}")
    if not 0 < nontrivial <= 1:
        raise ValueError(f"`nontrivial` is a density, like 0.4, not {nontrivial}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"`alpha` is a rate of false wins below 0.5, like 0.05, not {alpha}")


def _order(rate: Rate) -> float:
    return -1.0 if rate is None else rate


def _sufficient(trained: pd.Series, epochs: float) -> int:
    """State of the second half of condition 1."""
    return 0 if trained.isna().any() else 1 if (trained >= epochs).all() else -1


def _accuracies(table: pd.DataFrame, arm: str, metric: str) -> pd.DataFrame:
    """One row per learning rate and one column per seed; several trainings of a seed are averaged."""
    own = table[(table["arm"] == arm) & table[metric].notna()]
    return own.groupby(["rate", "seed"], dropna=False)[metric].mean().unstack("seed")


def _verdict(
    round: int, density: float, values: dict[str, pd.DataFrame], first: int, level: float, tolerance: float, gap: float
) -> Verdict:
    seeds = sorted({seed for own in values.values() for seed in own.columns})
    index = values["ticket"].index
    rates: list[Rate] = [None if np.isnan(rate) else float(rate) for rate in index]
    same = values["dense"].reindex(index)

    def array(own: pd.DataFrame) -> Array:
        found = own.reindex(columns=seeds).to_numpy(float)
        return found if len(found) else np.full((1, len(seeds)), np.nan)

    tickets, everywhere, reinitialised, small = (array(values[arm]) for arm in ARMS)
    found = evidence(tickets, everywhere, reinitialised, small, array(same), tolerance=tolerance, gap=gap)
    rulings = [judge(first, found, rates, level) for judge in (literal_ruling, strict_ruling)]
    return Verdict(round, density, *rulings)
