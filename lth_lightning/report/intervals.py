"""What a few seeds can tell: means, paired differences, and how uncertain they are."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95
NOISE = 1e-9  # accuracies are shares of at most some 10^5 samples: anything narrower is rounding


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and where the true mean may lie.

    Args:
        mean: The mean; NaN where there is no value.
        low: Lower end of the interval; NaN where it is unknown.
        high: Upper end of the interval; NaN where it is unknown.
        n: Number of values.
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of the interval's width; NaN where the interval is unknown."""
        return (self.high - self.low) / 2

    @property
    def side(self) -> int:
        """+1 where the whole interval is above zero, -1 where it is below, 0 where no difference can be told.

        An interval without a width comes from values that agree exactly, as accuracies on a small test set can.
        That says nothing about how far other seeds would spread, so such an interval tells nothing either.
        """
        if not self.high - self.low > NOISE:
            return 0
        return int(self.low > 0) - int(self.high < 0)


def mean_interval(values: Sequence[float] | np.ndarray | pd.Series, confidence: float = CONFIDENCE) -> Interval:
    r"""Student's t interval of a mean.

    .. math:: \bar x \pm t_{(1 + c) / 2,\, n - 1} \; s / \sqrt{n}

    Args:
        values: One value per seed `(n,)`; missing ones (NaN, None) are left out.
        confidence: Share of such intervals that contain the true mean, if values are independent and normal.

    Returns:
        The interval. From one value nothing is known about the spread: the ends are NaN, not the value itself.

    Raises:
        ValueError: The confidence is not between 0 and 1.

    Example:
        >>> mean_interval([0.90, 0.92, 0.94]).half_width.__round__(4)
        0.0497
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence is a share between 0 and 1, like 0.95, not {confidence}")
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    n = len(known)
    mean = float(known.mean()) if n else math.nan
    if n < 2:
        return Interval(mean, math.nan, math.nan, n)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * known.std(ddof=1) / math.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


def pairs(table: pd.DataFrame, a: str, b: str, *, round: int, metric: str) -> pd.DataFrame:
    """Values of two arms at one round, seed by seed.

    Args:
        table: Trainings as `read` returns them.
        a: One arm.
        b: The other arm. The arm `dense` has a single training per seed, which stands for every round.
        round: Round of pruning.
        metric: Column to compare.

    Returns:
        Columns `a` and `b`, indexed by seed; seeds that lack one of the two are left out. Several trainings of one
        seed are averaged first, so that a row is a seed and not a training.
    """
    arms, rounds = table["arm"].to_numpy(), table["round"].to_numpy()
    names, values = table["seed"].to_numpy(), table[metric].to_numpy(float)

    def seeds(arm: str) -> pd.Series:
        chosen = (arms == arm) & ((rounds == round) | (arm == "dense"))
        return pd.Series(values[chosen]).groupby(pd.Index(names[chosen], name="seed")).mean()

    return pd.DataFrame({"a": seeds(a), "b": seeds(b)}).dropna()


def paired_difference(
    table: pd.DataFrame,
    a: str,
    b: str,
    *,
    round: int,
    metric: str = "test_accuracy",
    confidence: float = CONFIDENCE,
) -> Interval:
    """Mean of `a - b` over the seeds that have both, with its t interval.

    Two trainings of one seed share data order and (for most arms) initialisation; pairing takes out what they share.

    Args:
        table: Trainings as `read` returns them.
        a: The arm to look at.
        b: The arm to compare it with; `dense` is compared by seed, whatever the round.
        round: Round of pruning at which they are compared.
        metric: Column to compare.
        confidence: Share of such intervals that contain the true difference.

    Returns:
        The difference in units of the metric; `n` is the number of pairs.
    """
    values = pairs(table, a, b, round=round, metric=metric)
    return mean_interval(values["a"] - values["b"], confidence)


def levels(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean and interval over seeds of every arm at every round.

    Args:
        table: Trainings as `read` returns them.
        metric: Column to average.

    Returns:
        Columns `arm`, `round`, `density`, `mean`, `low`, `high`, `n`; one row per arm and round that has a value.
    """
    seeds = table.groupby(["arm", "round", "seed"], as_index=False)[["density", metric]].mean().dropna()
    rows = []
    for (arm, number), group in seeds.groupby(["arm", "round"]):
        place = {"arm": arm, "round": number, "density": group["density"].mean()}
        rows.append(place | vars(mean_interval(group[metric])))
    return pd.DataFrame(rows, columns=["arm", "round", "density", "mean", "low", "high", "n"])


def paired_levels(table: pd.DataFrame, metric: str, others: Iterable[str]) -> pd.DataFrame:
    """Tickets minus other arms, seed by seed, at every round.

    Args:
        table: Trainings as `read` returns them.
        metric: Column to compare.
        others: Arms to compare tickets with.

    Returns:
        Columns as of `levels`, `arm` being the other arm and `n` the number of pairs; one row per arm and round that
        has a pair.
    """
    tickets = table[(table["arm"] == "ticket") & (table["density"] > 0)].groupby("round")["density"].mean().to_dict()
    rows = []
    for arm in others:
        for number, density in tickets.items():
            difference = paired_difference(table, "ticket", arm, round=int(str(number)), metric=metric)
            rows.append({"arm": arm, "round": number, "density": density} | vars(difference))
    found = pd.DataFrame(rows, columns=["arm", "round", "density", "mean", "low", "high", "n"])
    return found[found["n"] > 0].reset_index(drop=True)
