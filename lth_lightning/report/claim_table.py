"""The table of claims, as text."""

import math
from dataclasses import dataclass

from ..claims import Claim, number
from .amounts import amount, ends, remark
from .arms import describe
from .claiming import Judgement
from .sentences import WORDS
from .setting import named
from .wording import EMPTY, share

KINDS = {"supported": "drops", "refuted": "same"}
MINUS, PLUS_MINUS = "\u2212", "\u00b1"


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


def claim_line(judgement: Judgement) -> ClaimLine:
    """A line of the table of claims."""
    claim, interval = judgement.claim, judgement.interval
    return ClaimLine(
        says=claim.says.rstrip(". "),
        asks=_asks(claim),
        answer=judgement.answer,
        measured=amount(claim, interval.mean) if interval.n else EMPTY,
        interval=f"({ends(claim, interval)})" if interval.n > 1 else "",
        evidence=f"n = {interval.n}" if interval.n else "",
        remark=remark(judgement),
        paper=EMPTY if claim.paper is None else amount(claim, claim.paper),
        source=claim.source,
    )


def _asks(claim: Claim) -> str:
    """The claim in terms of arms and numbers."""
    arms = describe(filter(None, [claim.of, claim.minus]))
    quantity = f" {MINUS} ".join(arms[name].label for name in (claim.of, claim.minus) if name)
    what = "" if claim.metric == "test_accuracy" else f"{WORDS.get(claim.metric, claim.metric.replace('_', ' '))} of "
    at = claim.at | ({"density": share(number(claim.at["density"]) or math.nan)} if "density" in claim.at else {})
    where = f"{what}{', '.join([quantity, *(f'{axis} {named(value)}' for axis, value in at.items())])}"
    if claim.lies is not None:
        threshold = amount(claim, claim.by)
        if claim.lies == "near" and claim.paper is not None:
            return f"{where}: {amount(claim, claim.paper)} {PLUS_MINUS} {threshold.lstrip('+')}"
        return f"{where}: {claim.lies} {PLUS_MINUS + threshold.lstrip('+') if claim.lies == 'within' else threshold}"
    step = f" by more than {amount(claim, claim.by).lstrip('+')}" if claim.by else ""
    along = "falling density" if claim.along == "density" else claim.along
    return f"{where}: {claim.moves} along {along}{step}"
