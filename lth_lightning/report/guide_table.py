"""The guideline of a study as a table: settings and densities."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..claims import Bar
from .guiding import rates_of
from .ruling import Rate
from .setting import Setting, named
from .verdict import Verdict
from .wording import share

MARKS: dict[str, str] = {"jackpot": "J", "secondary prize": "S", "no ticket": "\u2013", "cannot tell": "?"}
KINDS = {"jackpot": "jackpot", "secondary prize": "prize", "no ticket": "none"}


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
        for rate in rates_of(verdicts):
            values = [setting.method, *(named(setting.at.get(axis)) for axis in axes), named(rate)]
            marks = [_mark(columns[column], rate, bar) if column in columns else None for column in densities]
            lines.append((values, marks))
    used = [place for place in range(len(axes) + 2) if any(values[place] for values, _ in lines)]
    names = ["method", *axes, "lr"]
    return Guide(
        [names[place] for place in used],
        [share(density).removesuffix(" %") for density in densities],
        [([values[place] for place in used], marks) for values, marks in lines],
    )


def _mark(told: Verdict, rate: Rate, bar: Bar) -> Mark | None:
    if rate not in told.strict.rates:
        return None
    answer = told.strict.rates[rate]
    if told.density >= bar.nontrivial:
        return Mark("\u00b7", "trivial", "too dense to win")
    if answer != "cannot tell":
        return Mark(MARKS[answer], KINDS[answer], answer)
    means = told.strict.rates_as_means.get(rate, "cannot tell")
    return Mark(f"{MARKS[means].strip('?')}?", "open", f"cannot tell; by means alone {means}")


def _columns(densities: Iterable[float]) -> list[float]:
    """Densities, falling; what differs by less than one in a hundred is one."""
    columns: list[float] = []
    for density in sorted(densities, reverse=True):
        if not columns or density < 0.99 * columns[-1]:
            columns.append(density)
    return columns


def _column(density: float, columns: list[float]) -> float:
    return min(columns, key=lambda column: abs(column - density))
