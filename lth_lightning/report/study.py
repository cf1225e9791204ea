"""The page of a study: claims, figures and verdicts over methods and the points of a grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ..claims import Bar
from .accuracy import accuracy_figure, drawable
from .analysed import PROBED, analysed, draw_analysed
from .arms import checks, describe
from .by_arm import by_arm_figure, is_by_arm
from .checks import verdicts
from .claim_table import claim_line
from .drawing import Drawing, render
from .facts import facts_of_study, in_words
from .gaps import gap_figure, gaps_of, line_axis
from .guide_table import guide
from .guiding import main_sentence, verdicts_of
from .latency import latency_section
from .laws import laws_tables
from .measured import draw_measured
from .notes import notes_of_study
from .panels import accuracy_panels
from .planned import bar_of
from .rendering import rendered
from .sentences import WORDS, measured
from .setting import Setting
from .settings import settings
from .stated import judgements, tally
from .table import lines, told_where_needed
from .verdict import data_of
from .verdict_table import verdict_table
from .winning import bar_words
from .winning import lines as winning_lines

OF_VERDICTS = {"reinitialised", "small_dense"}  # what conditions compare with, and no sanity check by itself

# figures in which methods are side by side, and the arms of their networks; the last is the first on the page
ALL_METHODS = {"tickets of all methods": ("ticket",), "all methods": ("sparse", "pruned")}


@dataclass(frozen=True)
class Part:
    """What the page has for one setting.

    Args:
        name: The setting in words.
        content: A table, in the form of its template.
    """

    name: str
    content: Any


def study_page(folder: Path, table: pd.DataFrame) -> tuple[dict[str, Drawing], bytes]:
    """Figures and page of a study.

    Args:
        folder: Its folder.
        table: Its trainings as `read` returns them.
    """
    metric, found = measured(table), settings(table)
    (bar, mended), (claims, unclear) = bar_of(folder), judgements(folder, table)
    won = verdicts_of(table, metric, bar)
    drawings = _draw(found, metric, bar)
    if _at_one_point(found):  # curves of several points would not be told apart
        drawings |= draw_analysed(folder, None if len(found) == 1 else PROBED)
    numbers = [Part(setting.name, lines(own)) for setting, own in found.items()]
    told: dict[str, Any] = {
        "sentences": [*tally(claims), main_sentence(won)],
        "claims": [claim_line(judgement) for judgement in claims],
        "arms": list(describe(table["arm"]).values()),
        "methods": _methods(table),
        "axis": line_axis(found),
        "guide": guide(won, bar) if won else None,
        "bar": bar_words(bar, data_of(table)),
        "winning": [Part(setting.name, winning_lines(own)) for setting, own in won.items()],
        "by_arm": _by_arm([drawable(own, metric) for own in found.values()]),
        "rates": any(len(v.strict.rates) > 1 for own in won.values() for v in own),
        "checks": _checks(found, metric),
        "latency": latency_section(folder) if _at_one_point(found) else None,
        "numbers": numbers,
        "laws": laws_tables(analysed(folder, "rate")) if len(found) == 1 else [],
        **told_where_needed([part.content for part in numbers]),
    }
    facts = facts_of_study(folder, table, found, [*unclear, *mended, *notes_of_study(table, found)])
    return drawings, rendered("study.html.j2", facts=facts, metric=WORDS[metric], drawings=drawings, **told)


def headline(folder: Path, table: pd.DataFrame) -> str:
    """The sentence on which settings of a study had winning tickets."""
    return main_sentence(verdicts_of(table, measured(table), bar_of(folder)[0]))


def _methods(table: pd.DataFrame) -> dict[str, str]:
    """Method -> what kind of experiment it is."""
    named = table[table["method"].notna()]
    return {str(method): in_words(str(own["experiment"].iloc[0])) for method, own in named.groupby("method")}


def _draw(found: Mapping[Setting, pd.DataFrame], metric: str, bar: Bar) -> dict[str, Drawing]:
    drawings = {}
    for method in dict.fromkeys(setting.method for setting in found):
        own = {s: t for s, t in found.items() if s.method == method and len(drawable(t, metric))}
        if any((drawable(t, metric)["arm"] != "dense").any() for t in own.values()):
            name = f"accuracy-{method}" if method else "accuracy"
            shown = [drawable(t, metric) for t in own.values()]
            drawings[name] = render(
                partial(by_arm_figure, shown[0], metric) if _by_arm(shown) else partial(accuracy_panels, own, metric)
            )
    for name, arms in ALL_METHODS.items():
        if len(several := _of_methods(found, arms)):
            drawings = {f"accuracy-{name}": render(partial(accuracy_figure, several, metric))} | drawings
    if gaps := gaps_of(found, metric):
        drawings["gap"] = render(lambda width: gap_figure(gaps, width, bar.gap))
    return drawings | draw_measured(found)


def _by_arm(shown: Sequence[pd.DataFrame]) -> bool:
    """Whether the accuracies of these settings are drawn by a row for each arm: where there is one, of one density."""
    return len(shown) == 1 and is_by_arm(shown[0])


def _at_one_point(found: Mapping[Setting, pd.DataFrame]) -> bool:
    """Whether all settings are at one point of the grid."""
    return len({str(setting.at) for setting in found}) == 1


def _of_methods(found: Mapping[Setting, pd.DataFrame], arms: Sequence[str]) -> pd.DataFrame:
    """The networks of these arms, named by their methods, if several methods at a single point have some."""
    tables = [
        own.assign(arm=own["arm"].where(own["arm"] == "dense", setting.method))[own["arm"].isin(["dense", *arms])]
        for setting, own in found.items()
        if own["arm"].isin(arms).any()
    ]
    if len(tables) < 2 or not _at_one_point(found):
        return pd.DataFrame()
    return pd.concat(tables).drop_duplicates("folder")


def _checks(found: Mapping[Setting, pd.DataFrame], metric: str) -> list[Part]:
    """Tables of sanity checks, where a setting has one that the verdict does not ask for anyway."""
    parts = []
    for setting, own in found.items():
        arms = {arm.name for arm in checks(own["arm"])} | set(own.attrs["not_applicable"])
        if arms - OF_VERDICTS:
            parts.append(Part(setting.name, verdict_table(verdicts(own, metric))))
    return parts
