"""Sanity checks: does accuracy fall when something is taken away that tickets may owe it to?

A method passes a check when accuracy drops under it (Su et al., 2020, arXiv:2009.11094): then it used what the check
took away.
"""

import math
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from . import growing
from .arms import checks
from .intervals import CONFIDENCE, NOISE, Interval, paired_levels

Answer = Literal["accuracy drops", "no drop", "cannot tell", "not applicable"]
TOLERANCE = 0.005  # differences up to half a percentage point are what Su et al. call no change


def verdicts(table: pd.DataFrame, metric: str = "test_accuracy", tolerance: float = TOLERANCE) -> pd.DataFrame:
    """The verdict of every sanity check at every density.

    Args:
        table: Trainings as `read` returns them.
        metric: Column to compare.
        tolerance: A drop that is surely smaller than this counts as none.

    Returns:
        Columns `arm`, `round`, `density`, `mean`, `low`, `high`, `n` (the drop: ticket minus check, paired over
        seeds), `verdict` (see `judge`), `p` (see `no_difference`), `p_holm` (adjusted for all rows that have one),
        `more` (see `more_seeds`; NaN where settled) and `reason` (a sentence without its full stop where a check does
        not apply, else empty). A check that does not apply has one row, without round and drop.

    Raises:
        ValueError: The tolerance is not a positive difference of accuracies as shares.
    """
    if not 0 < tolerance < 1:
        raise ValueError(f"a tolerance is a positive share, like 0.005 for half a percentage point, not {tolerance}")
    found = paired_levels(table, metric, [arm.name for arm in checks(table["arm"])])
    drops = [Interval(*values) for values in found[["mean", "low", "high", "n"]].itertuples(index=False, name=None)]
    found["verdict"] = [judge(drop, tolerance) for drop in drops]
    found["p"] = [no_difference(drop) for drop in drops]
    found["p_holm"] = holm(found["p"].to_numpy(float))
    needed = [more_seeds(drop, tolerance) for drop in drops]
    found["more"] = np.where(found["verdict"] == "cannot tell", np.array(needed, dtype=float), math.nan)
    found["reason"] = ""
    reasons = {arm: why for arm, why in table.attrs.get("not_applicable", {}).items() if arm not in set(table["arm"])}
    if not reasons:
        return found
    left_out = [{"arm": arm, "n": 0, "verdict": "not applicable", "reason": why} for arm, why in reasons.items()]
    return pd.DataFrame([*found.to_dict("records"), *left_out], columns=found.columns)


def judge(drop: Interval, tolerance: float = TOLERANCE) -> Answer:
    """What an interval of a drop in accuracy supports saying.

    `accuracy drops` if the whole interval is above zero, even if below the tolerance; `no drop` if its upper end is
    below the tolerance; else `cannot tell`. Without an interval, or with one without a width (see `Interval.side`),
    nothing can be told. Each of the first two is wrong in at most 2.5 of 100 cases if an interval of 95 % is.

    Args:
        drop: Accuracy of tickets minus that under the check.
        tolerance: A drop that is surely smaller than this counts as none.
    """
    if drop.side > 0:
        return "accuracy drops"
    return "no drop" if drop.high - drop.low > NOISE and drop.high < tolerance else "cannot tell"


def no_difference(drop: Interval) -> float:
    """Two-sided p-value of the paired t test of no difference.

    Args:
        drop: Student's t interval of the mean difference, as `paired_difference` returns it.

    Returns:
        The p-value; 1 where values agree exactly, which is no evidence; NaN where there is no interval.
    """
    if drop.n < 2:
        return math.nan
    if drop.high - drop.low <= NOISE:
        return 1.0
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, drop.n - 1)
    return float(2 * stats.t.sf(abs(drop.mean) / drop.half_width * quantile, drop.n - 1))


def holm(p: np.ndarray) -> np.ndarray:
    """P-values adjusted for their number (Holm, 1979, A simple sequentially rejective multiple test procedure).

    Rejecting what stays below alpha rejects any true hypothesis at all with a probability of at most alpha.

    Args:
        p: P-values `(m,)`; NaN takes no part.

    Returns:
        Adjusted ones `(m,)`.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    adjusted = np.full(len(p), math.nan)
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN is sorted last
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps))
    return adjusted


def more_seeds(drop: Interval, tolerance: float = TOLERANCE) -> float:
    """How many more seeds would settle a check: an interval that leaves out zero, or stays below the tolerance.

    Args:
        drop: Student's t interval of the mean drop, as `paired_difference` returns it.
        tolerance: A drop that is surely smaller than this counts as none.

    Returns:
        A number of seeds; infinity for more than 100; NaN where the spread is unknown.
    """
    return growing.more_seeds(drop, lambda low, high: (low > 0) | (high < tolerance))
