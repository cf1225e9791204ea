"""Claims and what became of them, in words."""

from pathlib import Path

import pandas as pd

from .amounts import amount, ends, remark
from .claiming import Judgement, judge
from .planned import claims_of
from .wording import INTERVAL, count, listed

ORDER = ("supported", "refuted", "cannot tell", "not finished")


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
    measured = []
    if interval.n:
        spread = f"{INTERVAL} {ends(claim, interval)}, n = {interval.n} seeds"
        measured = [amount(claim, interval.mean), spread if interval.n > 1 else f"n = {interval.n}: no interval"]
    paper = "" if claim.paper is None else f"paper {amount(claim, claim.paper, unit=False)}"
    numbers = "; ".join(filter(None, [", ".join(measured), remark(judgement), paper]))
    return f"{judgement.answer}: {claim.says.rstrip('. ')}" + (f" ({numbers})" if numbers else "")
