"""The page: one self-contained HTML file with figures, table and configuration."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from .accuracy import accuracy_figure, difference_figure
from .arms import SINGLE, describe
from .checks import verdicts
from .drawing import Drawing, render, write
from .drops import drops_figure
from .intervals import CONFIDENCE, paired_levels
from .layers import layer_densities, layers_figure
from .learning import PANELS, learning_figure
from .reading import curves, read
from .sentences import TOLERANCE, WORDS, findings, measured
from .structure import collapses, idle_table, idle_units
from .table import lines
from .verdict import verdict
from .verdict_table import verdict_table
from .winning import BAR, guideline
from .winning import lines as winning_lines
from .wording import duration

MINUS, HARD_SPACE = "\u2212", "\u00a0"


@dataclass(frozen=True)
class Facts:
    """What the whole experiment shares.

    Args:
        title: Kind of experiment in words.
        name: Name of its folder.
        size: How much was trained.
        notes: What to know before believing the numbers.
        provenance: What produced the results: a name and its values.
        config: Text of the configuration; None where there is none.
    """

    title: str
    name: str
    size: str
    notes: list[str]
    provenance: dict[str, str]
    config: str | None


def write_report(folder: Path | str) -> Path:
    """Write `report.html` and `figures/*.png` into an experiment's folder.

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
    checked, idle, numbers = verdicts(table, measured(table)), idle_units(table), lines(table)
    won = verdict(table) if {"dense", "ticket", "reinitialised"} <= set(table["arm"]) else []
    drawings = _draw(table, checked, curves(folder))
    for name, drawing in drawings.items():
        write(folder / "figures" / f"{name}.png", drawing.png)
    text = _template().render(
        facts=_facts(folder, table),
        sentences=findings(table),
        metric=WORDS[measured(table)],
        arms=list(describe(table["arm"]).values()),
        drawings=drawings,
        checks=verdict_table(checked) if len(checked) else None,
        winning=winning_lines(won),
        guideline=guideline(won),
        bar=BAR,
        idle=idle_table(idle) if len(idle) else None,
        table=numbers,
        in_use=any("(" in line.got for _, own in numbers for line in own),
        confidence=f"{100 * CONFIDENCE:g}",
        tolerance=f"{100 * TOLERANCE:g}",
    )
    write(folder / "report.html", text.encode())
    return folder / "report.html"


def typeset(text: str) -> str:
    """A true minus before digits, and no line break within '16.8 %' and 'n = 3'."""
    text = re.sub(r"(?<![\w.])-(?=\d)", MINUS, text)
    return re.sub(r" (?=%)|(?<=\d %) (?=interval)|(?<=\bn) (?==)|(?<=\bn =) (?=\d)", HARD_SPACE, text)


def softened(sentence: str) -> Markup:
    """A sentence with what stands in brackets set more quietly, everything escaped."""
    return Markup(re.sub(r"\([^()]*\)", r"<span>\g<0></span>", str(escape(typeset(sentence)))))


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"typeset": typeset, "softened": softened}
    return environment.get_template("page.html.j2")


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


def _facts(folder: Path, table: pd.DataFrame) -> Facts:
    config = folder / "config.yaml"
    kinds = table["experiment"].dropna().astype(str).unique()
    size = [
        _count(table["seed"].nunique(), "seed"),
        _count(int((table["round"].unique() > 0).sum()), "round") + " of pruning",
        _count(len(table), "training"),
    ]
    if table["seconds"].notna().any():
        size.append(f"{duration(table['seconds'].sum())} of training time")
    return Facts(
        title=", ".join(re.sub(r"(?<=[a-z])([A-Z])", lambda m: " " + m[1].lower(), kind) for kind in kinds)
        or "Experiment",
        name=folder.resolve().name,
        size=" · ".join(size),
        notes=_notes(table),
        provenance=_provenance(table),
        config=config.read_text(encoding="utf-8", errors="replace") if config.is_file() else None,
    )


def _notes(table: pd.DataFrame) -> list[str]:
    notes = collapses(table)
    if unreadable := table.attrs["unreadable_lines"]:
        notes.append(f"results.jsonl has incomplete lines, which are left out here: {', '.join(map(str, unreadable))}.")
    if len({frozenset(zip(own["arm"], own["round"], strict=True)) for _, own in table.groupby("seed")}) > 1:
        notes.append("Not every seed has finished every training: n says how many seeds a number comes from.")
    if table["seed"].nunique() == 1:
        notes.append("There is one seed only (n = 1: no interval): how far other seeds would spread is unknown.")
    if table.duplicated(["arm", "round", "seed"]).any():
        notes.append(
            "Some seeds have several trainings of the same arm and round: they are averaged before anything else."
        )
    return notes


def _provenance(table: pd.DataFrame) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for row in table.to_dict("records"):
        versions: Any = row["versions"] if isinstance(row["versions"], dict) else {}
        for name, value in {**versions, "precision": row["precision"], "git commit": row["commit"]}.items():
            if isinstance(value, str):
                found.setdefault(str(name), set()).add(value)
    return {name: ", ".join(sorted(values)) for name, values in found.items()}


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
