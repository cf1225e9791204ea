"""The guideline of a study: which settings had winning tickets, and at which densities."""

from collections.abc import Iterable, Mapping

import pandas as pd

from ..claims import Bar
from .ruling import Rate
from .setting import Setting, named
from .settings import pooled
from .verdict import Verdict, verdict
from .wording import count, listed, share

NEEDED = {"dense", "ticket", "reinitialised"}
WINS = ("jackpot", "secondary prize")
MOST = 4  # settings that a sentence can name


def verdicts_of(table: pd.DataFrame, metric: str, bar: Bar) -> dict[Setting, list[Verdict]]:
    """The verdicts about the tickets of every method, over all learning rates of a point.

    Args:
        table: Trainings of a study as `read` returns them.
        metric: Column to compare.
        bar: What tickets have to pass.

    Returns:
        By method and what else than the learning rate the grid varies; without those that lack an arm to judge by.
    """
    found = {
        setting: verdict(own, metric, bar=bar) for setting, own in pooled(table).items() if set(own["arm"]) >= NEEDED
    }
    return {setting: verdicts for setting, verdicts in found.items() if verdicts}


def main_sentence(found: Mapping[Setting, list[Verdict]]) -> str:
    """Which settings had winning tickets, or that none had."""
    if not found:
        return "No verdict on winning tickets: it takes tickets, reinitialised tickets and dense networks."
    cases = [
        (setting, rate, v.strict.rates[rate], v.strict.rates_as_means.get(rate))
        for setting, verdicts in found.items()
        for v in verdicts
        for rate in rates_of([v])
        if v.strict.conditions[1].state != "fails"
    ]
    total = len({(setting, rate) for setting, verdicts in found.items() for rate in rates_of(verdicts)})
    winning = len({(setting, rate) for setting, rate, answer, _ in cases if answer in WINS})
    unclear = [means for *_, answer, means in cases if answer == "cannot tell"]
    wins = sum(means in WINS for means in unclear)
    by_means = f"{wins or 'none'} of which {'win' if wins > 1 else 'wins'} by means alone"
    rest = f"; {len(unclear)} of {len(cases)} verdicts are open, {by_means}"
    end = f"{rest if unclear else ''}."
    if not winning:
        none = "No winning ticket is sure" if unclear else "There is no winning ticket"
        return f"{none} in {count(total, 'setting')}{end}"
    won = [text for setting, verdicts in found.items() for text in _won(setting, verdicts)]
    more = f", and {len(won) - MOST} more" if len(won) > MOST else ""
    return f"Winning tickets in {winning} of {count(total, 'setting')}: {'; '.join(won[:MOST])}{more}{end}"


def _won(setting: Setting, verdicts: list[Verdict]) -> list[str]:
    """What a setting won, one text per kind of win and lowest density."""
    rates: dict[tuple[str, float], list[str]] = {}
    for win in WINS:
        for rate in rates_of(verdicts):
            if densities := [v.density for v in verdicts if v.strict.rates.get(rate) == win]:
                rates.setdefault((win, min(densities)), []).append(named(rate))
    names = setting.name if setting.method or setting.point else ""
    return [
        f"{names + ': ' if names else ''}{win}{f' with lr {listed(at)}' if all(at) else ''}"
        f" (down to {share(density)} of the weights)"
        for (win, density), at in rates.items()
    ]


def rates_of(verdicts: Iterable[Verdict]) -> list[Rate]:
    """The learning rates of verdicts, rising."""
    rates = {rate for v in verdicts for rate in v.strict.rates}
    return sorted(rates, key=lambda rate: -1.0 if rate is None else rate)
