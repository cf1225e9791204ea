"""Claims about results, judged: what an interval over seeds supports saying of them."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ..claims import Claim
from .growing import more_seeds
from .intervals import NOISE, Interval, mean_interval
from .quantity import values_of

Answer = Literal["supported", "refuted", "cannot tell", "not finished"]


@dataclass(frozen=True)
class Judgement:
    """A claim with what the results say about it.

    Args:
        claim: The claim.
        answer: What the interval supports saying.
        interval: Of the quantity over seeds; along an axis of its slope, per step from one value to the next.
        more: About how many more seeds would settle it if mean and spread stayed; 0 where it is settled, infinity for
            more than 100, NaN where the spread is unknown.
    """

    claim: Claim
    answer: Answer
    interval: Interval
    more: float


def judge(claim: Claim, table: pd.DataFrame) -> Judgement:
    """Judge a claim: supported if the whole interval lies inside what it claims, refuted if it lies outside.

    The interval is Student's t of 95 % over the seeds that have finished everything that the claim is about. 'Rises'
    and 'falls' are about the least-squares slope of every seed over the places 0, 1, 2, ... of the axis' values:
    numbers in rising order, labels as in the configuration, densities falling. An interval without a width (see
    `Interval.side`) or of one seed tells nothing.

    Args:
        claim: What is claimed.
        table: Trainings as `read` returns them, of a study or of one experiment.

    Raises:
        ValueError: If the claim is about what the table cannot have, or several things would do.
    """
    values = values_of(claim, table)
    interval = mean_interval(values)
    low, high = region(claim)

    def inside(least: Any, most: Any) -> Any:
        return (least > low) & (most < high)

    def outside(least: Any, most: Any) -> Any:
        return (least > high) | (most < low)

    if interval.n == 0:
        return Judgement(claim, "not finished", interval, math.nan)
    if interval.high - interval.low > NOISE:
        for answer, holds in {"supported": inside, "refuted": outside}.items():
            if holds(interval.low, interval.high):
                return Judgement(claim, answer, interval, 0.0)  # type: ignore[arg-type]
    return Judgement(claim, "cannot tell", interval, more_seeds(interval, lambda a, b: inside(a, b) | outside(a, b)))


def region(claim: Claim) -> tuple[float, float]:
    """Between which ends the quantity lies, or the slope, if the claim is true."""
    paper = 0.0 if claim.paper is None else claim.paper
    ends = {
        "above": (claim.by, math.inf),
        "below": (-math.inf, claim.by),
        "within": (-claim.by, claim.by),
        "near": (paper - claim.by, paper + claim.by),
        "rises": (claim.by, math.inf),
        "falls": (-math.inf, -claim.by),
    }
    return ends[claim.lies or claim.moves or "above"]
