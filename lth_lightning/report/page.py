"""The page: one self-contained HTML file with figures, table and configuration."""

from pathlib import Path
from typing import Any

import pandas as pd

from .accuracy import drawable
from .analysed import analysed, draw_analysed
from .arms import describe
from .by_arm import is_by_arm
from .checks import verdicts
from .claim_table import claim_line
from .drawing import Drawing, write
from .facts import facts_of
from .figures import draw
from .latency import latency_section
from .laws import laws_tables
from .measured import SINGLY, draw_measured
from .neurons import chosen_neurons, neuron_lines, unmet
from .notes import notes
from .planned import bar_of
from .reading import curves, read
from .rendering import rendered
from .sentences import TOLERANCE, WORDS, findings, measured
from .setting import Setting
from .settings import is_study
from .stated import judgements, tally
from .structure import idle_table, idle_units
from .study import study_page
from .table import lines, told_where_needed
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
    (bar, mended), (claims, unclear) = bar_of(folder), judgements(folder, table)
    chosen = chosen_neurons(table)
    won = verdict(table, bar=bar) if {"dense", "ticket", "reinitialised"} <= set(table["arm"]) else []
    drawings = draw(table, checked, curves(folder)) | draw_measured({Setting(""): table}, SINGLY)
    drawings |= draw_analysed(folder)
    told: dict[str, Any] = {
        "sentences": [*tally(claims), *findings(table)],
        "claims": [claim_line(judgement) for judgement in claims],
        "arms": list(describe(table["arm"]).values()),
        "checks": verdict_table(checked) if len(checked) else None,
        "winning": winning_lines(won),
        "bar": bar_words(bar, data_of(table)),
        "idle": idle_table(idle) if len(idle) else None,
        "neurons": neuron_lines(chosen) if len(chosen) else [],
        "table": numbers,
        "latency": latency_section(folder),
        "laws": laws_tables(analysed(folder, "rate")),
        "by_arm": is_by_arm(drawable(table, metric)),
        "tolerance": f"{100 * TOLERANCE:g}",
        **told_where_needed([numbers]),
    }
    facts = facts_of(folder, table, [*unclear, *mended, *notes(table), *unmet(table)])
    return drawings, rendered("page.html.j2", facts=facts, metric=WORDS[metric], drawings=drawings, **told)
