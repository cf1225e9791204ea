"""Is it a winning ticket? The five conditions of Ma et al. (2021, arXiv:2107.00166), judged with their uncertainty."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..claims import Bar
from .conditions import RANKED, Answer, evidence
from .margins import Array
from .ruling import Rate, Ruling, literal_ruling, strict_ruling
from .sentences import measured

DEFAULT = Bar()
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
    bar: Bar = DEFAULT,
) -> list[Verdict]:
    """Whether tickets win, at every density.

    The conditions: (1) the density is not trivial, and the training sufficient; (2) tickets are clearly above small
    dense networks; (3) at some learning rate clearly above reinitialised tickets, which may have any; (4) at some
    learning rate similar to dense networks at the same; (5) at some learning rate similar to dense networks at their
    best. All five make a jackpot, the first four without the fifth a secondary prize. Read literally, every condition
    has a learning rate of its own; strictly, 3 to 5 hold at one learning rate of the tickets. The density has to be
    below `bar.nontrivial`; clearly above is by more than `bar.gap` (which the paper states for the third only), similar
    down to `bar.tolerance` below, by default the paper's tolerance for the data set.

    Seeds are paired (Student t). A condition holds if the lower bound of its difference is above the threshold, fails
    if the upper bound is below, and else nothing can be told. With r non-trivial densities every bound has the level
    `bar.alpha` / r, and the best of several learning rates is accounted for (see `Margins.bounds`). So any false win (a
    jackpot or a secondary prize at a density where one of conditions 2 to 4 does not hold) in the whole table has a
    probability of at most `bar.alpha`, if differences are normal; a condition is falsely told to fail as rarely, a
    ticket falsely to be none at most three times as often, because each of three conditions can deny it.

    Args:
        table: Trainings as `read` returns them, of one network on one data set.
        metric: Column to compare; None: `test_accuracy`, or `val_accuracy` where nothing was tested.
        lr: Column of the learning rate; without such a column all trainings have the same.
        bar: What tickets have to pass. Without `epochs`, that they were trained sufficiently is taken as given.

    Returns:
        One verdict per round that has tickets, the densest first.
    """
    metric = metric or measured(table)
    table = table.assign(rate=table[lr].astype(float) if lr in table else np.nan)
    tickets = table[(table["arm"] == "ticket") & (table["density"] > 0) & table[metric].notna()]
    densities = tickets.groupby("round")["density"].mean().sort_values(ascending=False, kind="stable")
    level = bar.alpha / max(1, int((densities < bar.nontrivial).sum()))
    tolerance = bar.of(data_of(table))
    found = []
    for number, density in densities.items():
        there = table[(table["round"] == number) | (table["arm"] == "dense")]
        own = tickets[tickets["round"] == number]
        values = {arm: _accuracies(there, arm, metric) for arm in ARMS}
        sufficient = _sufficient(own["epochs"], bar.epochs) if bar.epochs else 1
        first = min(1 if density < bar.nontrivial else -1, sufficient)
        place = int(str(number)), float(density)
        found.append(_verdict(*place, values, first, level, tolerance, bar.gap))
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


def data_of(table: pd.DataFrame) -> str | None:
    """The data set that a table is about; None where older rows do not tell."""
    known = table["data"].dropna() if "data" in table else pd.Series()
    return str(known.iloc[0]) if len(known) else None


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
