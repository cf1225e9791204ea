"""Numbers of claims, in the units of what is claimed."""

import math

from ..claims import Claim
from .claiming import Judgement
from .intervals import Interval
from .wording import accuracy, further, points


def remark(judgement: Judgement) -> str:
    """What would settle a claim; empty where it is settled."""
    if judgement.answer == "not finished":
        return "trainings are missing"
    if judgement.answer != "cannot tell":
        return ""
    if judgement.interval.n < 2:
        return "run two seeds or more"
    if math.isnan(judgement.more):
        return "all seeds agree: spread unknown"
    return f"{further(judgement.more)} would settle it"


def amount(claim: Claim, value: float, unit: bool = True) -> str:
    """A value of what is claimed: a share in percent, a difference or slope in percentage points with its sign.

    Args:
        claim: The claim.
        value: The value, in units of its metric.
        unit: Whether to name the unit of differences.
    """
    change = claim.minus is not None or claim.moves is not None
    if not claim.metric.endswith("accuracy"):
        text = f"{value:+.3g}" if change else f"{value:.3g}"
    elif change:
        text = points(value) + (" points" if unit else "")
    else:
        text = accuracy(value)
    return text + (" a step" if claim.moves is not None and unit else "")


def ends(claim: Claim, interval: Interval) -> str:
    """The ends of an interval of what is claimed."""
    low, high = (amount(claim, end, unit=False) for end in (interval.low, interval.high))
    return f"{low.removesuffix(' %')} to {high}"
