"""The page: one self-contained HTML file with figures, table and configuration."""

from pathlib import Path
from typing import Any

import pandas as pd

from .accuracy import accuracy_figure, difference_figure
from .arms import SINGLE, describe
from .checks import verdicts
from .drawing import Drawing, render, write
from .drops import drops_figure
from .facts import facts_of
from .intervals import paired_levels
from .layers import layer_densities, layers_figure
from .learning import PANELS, learning_figure
from .planned import bar_of
from .reading import curves, read
from .rendering import rendered
from .sentences import TOLERANCE, WORDS, findings, measured
from .settings import is_study
from .stated import claim_lines, judgements, tally
from .structure import idle_table, idle_units
from .study import study_page
from .table import lines
from .verdict import data_of, verdict
from .verdict_table import verdict_table
from .winning import bar_words
from .winning import lines as winning_lines


def write_report(folder: Path | str) -> Path:
    """Write `report.html` and `figures/*.png` into an experiment's folder; of a study also `results.csv`.

    The page needs nothing but itself: no network, no other file, no script. Running it again on the same results
    writes the same bytes; while an experiment is running, the page shows what has finished.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.

    Returns:
        The page.

    Raises:
        FileNotFoundError: There is no finished training in this folder.
    """
    folder = Path(folder)
    table = read(folder)
    if is_study(table):
        drawings, page = study_page(folder, table)
        write(folder / "results.csv", tidy(table).to_csv(index=False).encode())
    else:
        drawings, page = _page(folder, table)
    for name, drawing in drawings.items():
        write(folder / "figures" / f"{name}.png", drawing.png)
    write(folder / "report.html", page)
    return folder / "report.html"


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """A study's table with what is one value: a row per training, as other programs read it."""
    nested = [name for name in table if table[name].map(lambda value: isinstance(value, dict | list)).any()]
    return table.drop(columns=[*nested, *(name for name in table if table[name].isna().all() and name not in nested)])


def _page(folder: Path, table: pd.DataFrame) -> tuple[dict[str, Drawing], bytes]:
    """Figures and page of one experiment."""
    metric = measured(table)
    checked, idle, numbers = verdicts(table, metric), idle_units(table), lines(table)
    (bar, notes), (claims, unclear) = bar_of(folder), judgements(folder, table)
    won = verdict(table, bar=bar) if {"dense", "ticket", "reinitialised"} <= set(table["arm"]) else []
    drawings = _draw(table, checked, curves(folder))
    told: dict[str, Any] = {
        "sentences": [*tally(claims), *findings(table)],
        "claims": claim_lines(claims),
        "arms": list(describe(table["arm"]).values()),
        "checks": verdict_table(checked) if len(checked) else None,
        "winning": winning_lines(won),
        "bar": bar_words(bar, data_of(table)),
        "idle": idle_table(idle) if len(idle) else None,
        "table": numbers,
        "in_use": any("(" in line.got for _, own in numbers for line in own),
        "tolerance": f"{100 * TOLERANCE:g}",
    }
    facts = facts_of(folder, table, [*unclear, *notes])
    return drawings, rendered("page.html.j2", facts=facts, metric=WORDS[metric], drawings=drawings, **told)


def _draw(table: pd.DataFrame, checked: pd.DataFrame, learned: pd.DataFrame) -> dict[str, Drawing]:
    """The figures that these results have something for."""
    metric = measured(table)
    drawings = {}
    if (table[metric].notna() & (table["density"] > 0) & ~table["arm"].isin(["dense", "sparse"])).any():
        drawings["accuracy"] = render(lambda width: accuracy_figure(table, metric, width))
    if (checked["n"] > 0).any():
        drawings["checks"] = render(lambda width: drops_figure(checked, width))
    differences = paired_levels(table, metric, ["dense"])
    if len(differences):
        drawings["difference"] = render(lambda width: difference_figure(differences, width))
    if learned.loc[learned["arm"].isin(SINGLE), [name for name, *_ in PANELS]].notna().any(axis=None):
        drawings["learning"] = render(lambda width: learning_figure(learned, width))
    if len(layer_densities(table)):
        drawings["layers"] = render(lambda width: layers_figure(table, width))
    return drawings
