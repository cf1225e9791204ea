"""The guideline of a study: which settings had winning tickets, and at which densities."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from ..claims import Bar
from .conditions import Answer
from .ruling import Rate
from .settings import Setting, named, pooled
from .verdict import Verdict, verdict
from .wording import count, listed, share

NEEDED = {"dense", "ticket", "reinitialised"}
MARKS: dict[str, str] = {"jackpot": "J", "secondary prize": "S", "no ticket": "\u2013", "cannot tell": "?"}
WINS = ("jackpot", "secondary prize")
KINDS = {"jackpot": "jackpot", "secondary prize": "prize", "no ticket": "none"}
MOST = 4  # settings that a sentence can name


@dataclass(frozen=True)
class Mark:
    """A setting at a density, as the page shows it.

    Args:
        text: One letter; a question mark after what the means alone say.
        kind: The style sheet's name of the verdict.
        meaning: The verdict in words.
    """

    text: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Guide:
    """What every setting won.

    Args:
        axes: What the settings differ in.
        densities: One per column of marks, falling; those too dense to win only if there are no others.
        lines: The values of a setting, and its marks; None where there is no ticket of that density.
    """

    axes: list[str]
    densities: list[str]
    lines: list[tuple[list[str], list[Mark | None]]]


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


def guide(found: Mapping[Setting, list[Verdict]], bar: Bar) -> Guide:
    """The table of settings and densities.

    Args:
        found: As `verdicts_of` returns them.
        bar: What tickets had to pass.
    """
    every = _columns(v.density for verdicts in found.values() for v in verdicts)
    densities = [density for density in every if density < bar.nontrivial] or every
    axes = list(dict.fromkeys(axis for setting in found for axis in setting.at))
    lines = []
    for setting, verdicts in found.items():
        columns = {_column(v.density, every): v for v in verdicts}
        for rate in _rates(verdicts):
            values = [setting.method, *(named(setting.at.get(axis, "")) for axis in axes), _named(rate)]
            marks = [_mark(columns[column], rate, bar) if column in columns else None for column in densities]
            lines.append((values, marks))
    used = [place for place in range(len(axes) + 2) if any(values[place] for values, _ in lines)]
    names = ["method", *axes, "lr"]
    return Guide(
        [names[place] for place in used],
        [share(density).removesuffix(" %") for density in densities],
        [([values[place] for place in used], marks) for values, marks in lines],
    )


def main_sentence(found: Mapping[Setting, list[Verdict]]) -> str:
    """Which settings had winning tickets, or that none had."""
    if not found:
        return "No verdict on winning tickets: it takes tickets, reinitialised tickets and dense networks."
    cases = [
        (setting, rate, v.strict.rates[rate], v.strict.rates_as_means.get(rate))
        for setting, verdicts in found.items()
        for v in verdicts
        for rate in _rates([v])
        if v.strict.conditions[1].state != "fails"
    ]
    total = len({(setting, rate) for setting, verdicts in found.items() for rate in _rates(verdicts)})
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
        for rate in _rates(verdicts):
            if densities := [v.density for v in verdicts if v.strict.rates.get(rate) == win]:
                rates.setdefault((win, min(densities)), []).append(_named(rate))
    names = ", ".join(filter(None, [setting.method, setting.place]))
    return [
        f"{names + ': ' if names else ''}{win}{f' with lr {listed(at)}' if all(at) else ''}"
        f" (down to {share(density)} of the weights)"
        for (win, density), at in rates.items()
    ]


def _mark(told: Verdict, rate: Rate, bar: Bar) -> Mark | None:
    if rate not in told.strict.rates:
        return None
    answer: Answer = told.strict.rates[rate]
    if told.density >= bar.nontrivial:
        return Mark("\u00b7", "trivial", "too dense to win")
    if answer != "cannot tell":
        return Mark(MARKS[answer], KINDS[answer], answer)
    means = told.strict.rates_as_means.get(rate, "cannot tell")
    return Mark(f"{MARKS[means].strip('?')}?", "open", f"cannot tell; by means alone {means}")


def _rates(verdicts: Iterable[Verdict]) -> list[Rate]:
    rates = {rate for v in verdicts for rate in v.strict.rates}
    return sorted(rates, key=lambda rate: -1.0 if rate is None else rate)


def _columns(densities: Iterable[float]) -> list[float]:
    """Densities, falling; what differs by less than one in a hundred is one."""
    columns: list[float] = []
    for density in sorted(densities, reverse=True):
        if not columns or density < 0.99 * columns[-1]:
            columns.append(density)
    return columns


def _column(density: float, columns: list[float]) -> float:
    return min(columns, key=lambda column: abs(column - density))


def _named(rate: Rate) -> str:
    return "" if rate is None else named(rate)
