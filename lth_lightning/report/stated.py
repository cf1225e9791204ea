"""Claims and what became of them, in words."""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..claims import Claim
from .arms import describe
from .claiming import Judgement, judge
from .intervals import Interval
from .planned import claims_of
from .sentences import WORDS
from .settings import named
from .wording import EMPTY, INTERVAL, accuracy, count, further, listed, points, share

KINDS = {"supported": "drops", "refuted": "same"}
MINUS, PLUS_MINUS = "\u2212", "\u00b1"
ORDER = ("supported", "refuted", "cannot tell", "not finished")


@dataclass(frozen=True)
class ClaimLine:
    """A claim as the page shows it.

    Args:
        says: The claim.
        asks: What is measured for it, and where it has to lie.
        answer: What the results say.
        measured: The mean.
        interval: Its ends; empty where there are none.
        evidence: Number of seeds; empty where there are none.
        remark: What would settle it; empty where it is settled.
        paper: The paper's number; a dash where it has none.
        source: Where the paper has it.
    """

    says: str
    asks: str
    answer: str
    measured: str
    interval: str
    evidence: str
    remark: str
    paper: str
    source: str

    @property
    def kind(self) -> str:
        """The style sheet's name of the answer."""
        return KINDS.get(self.answer, "open")


def judgements(folder: Path, table: pd.DataFrame) -> tuple[list[Judgement], list[str]]:
    """All claims of an experiment judged.

    Args:
        folder: Its folder.
        table: Its trainings as `read` returns them.

    Returns:
        The judgements, and a sentence for each claim that cannot be judged.
    """
    claims, notes = claims_of(folder)
    told = []
    for claim in claims:
        try:
            told.append(judge(claim, table))
        except (TypeError, ValueError) as error:
            notes.append(f"Not judged: {error}.")
    return told, notes


def tally(told: list[Judgement]) -> list[str]:
    """One sentence on how many claims are supported; none where nothing is claimed."""
    if not told:
        return []
    numbers = {answer: sum(judgement.answer == answer for judgement in told) for answer in ORDER}
    words = {"supported": "supported", "refuted": "refuted", "cannot tell": "open", "not finished": "not finished"}
    parts = [
        f"{number} {'is' if number == 1 else 'are'} {words[answer]}" for answer, number in numbers.items() if number
    ]
    return [f"Of {count(len(told), 'claim')}, {listed(parts)}."]


def sentence(judgement: Judgement) -> str:
    """A claim in a sentence, with its numbers."""
    claim, interval = judgement.claim, judgement.interval
    parts = []
    if interval.n:
        ends = f"{INTERVAL} {_ends(claim, interval)}, n = {interval.n} seeds"
        parts = [_amount(claim, interval.mean), ends if interval.n > 1 else f"n = {interval.n}: no interval"]
    paper = [] if claim.paper is None else [f"paper {_amount(claim, claim.paper, unit=False)}"]
    remark = [_remark(judgement)] if _remark(judgement) else []
    numbers = "; ".join(filter(None, [", ".join(parts), *remark, *paper]))
    return f"{judgement.answer}: {claim.says.rstrip('. ')}" + (f" ({numbers})" if numbers else "")


def claim_lines(told: list[Judgement]) -> list[ClaimLine]:
    """The table of claims.

    Args:
        told: The judgements.
    """
    return [_line(judgement) for judgement in told]


def _line(judgement: Judgement) -> ClaimLine:
    claim, interval = judgement.claim, judgement.interval
    return ClaimLine(
        says=claim.says.rstrip(". "),
        asks=_asks(claim),
        answer=judgement.answer,
        measured=_amount(claim, interval.mean) if interval.n else EMPTY,
        interval=f"({_ends(claim, interval)})" if interval.n > 1 else "",
        evidence=f"n = {interval.n}" if interval.n else "",
        remark=_remark(judgement),
        paper=EMPTY if claim.paper is None else _amount(claim, claim.paper),
        source=claim.source,
    )


def _asks(claim: Claim) -> str:
    """The claim in terms of arms and numbers."""
    arms = describe(filter(None, [claim.of, claim.minus]))
    quantity = f" {MINUS} ".join(arms[name].label for name in (claim.of, claim.minus) if name)
    what = "" if claim.metric == "test_accuracy" else f"{WORDS.get(claim.metric, claim.metric.replace('_', ' '))} of "
    at = [f"density {share(float(v))}" if axis == "density" else f"{axis} {named(v)}" for axis, v in claim.at.items()]
    where = f"{what}{', '.join([quantity, *at])}"
    if claim.lies is not None:
        threshold = _amount(claim, claim.by)
        return f"{where}: {claim.lies} {PLUS_MINUS + threshold.lstrip('+') if claim.lies == 'within' else threshold}"
    step = f" by more than {_amount(claim, claim.by).lstrip('+')}" if claim.by else ""
    along = "falling density" if claim.along == "density" else claim.along
    return f"{where}: {claim.moves} along {along}{step}"


def _remark(judgement: Judgement) -> str:
    if judgement.answer == "not finished":
        return "trainings are missing"
    if judgement.answer != "cannot tell":
        return ""
    if judgement.interval.n < 2:
        return "run two seeds or more"
    return (
        "all seeds agree: spread unknown"
        if math.isnan(judgement.more)
        else f"{further(judgement.more)} would settle it"
    )


def _amount(claim: Claim, value: float, unit: bool = True) -> str:
    """A value of the claim's quantity: a share in percent, a difference or slope in percentage points with its sign."""
    change = claim.minus is not None or claim.moves is not None
    if not claim.metric.endswith("accuracy"):
        text = f"{value:+.3g}" if change else f"{value:.3g}"
    elif change:
        text = points(value) + (" points" if unit else "")
    else:
        text = accuracy(value)
    return text + (" a step" if claim.moves is not None and unit else "")


def _ends(claim: Claim, interval: Interval) -> str:
    low, high = (_amount(claim, end, unit=False) for end in (interval.low, interval.high))
    return f"{low.removesuffix(' %')} to {high}"
