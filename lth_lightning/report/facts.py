"""What a whole experiment shares: how much was trained, what to know before believing it, and what produced it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .setting import Setting
from .wording import count, duration


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


def facts_of(folder: Path, table: pd.DataFrame, notes: list[str]) -> Facts:
    """The facts of one experiment.

    Args:
        folder: Its folder.
        table: Its trainings as `read` returns them.
        notes: What to know before believing the numbers.
    """
    kinds = table["experiment"].dropna().astype(str).unique()
    rounds = count(int((table["round"].unique() > 0).sum()), "round") + " of pruning"
    return Facts(
        title=", ".join(map(in_words, kinds)) or "Experiment",
        name=folder.resolve().name,
        size=_size(table, rounds),
        notes=notes,
        provenance=_provenance(table),
        config=_config(folder),
    )


def facts_of_study(folder: Path, table: pd.DataFrame, found: Mapping[Setting, pd.DataFrame], notes: list[str]) -> Facts:
    """The facts of a study.

    Args:
        folder: Its folder.
        table: Its trainings as `read` returns them.
        found: The same as `settings` splits them.
        notes: What to know before believing the numbers.
    """
    methods = {setting.method for setting in found} - {""}
    points = count(len({setting.point for setting in found}), "point") + " of the grid"
    return Facts(
        title=str(table.attrs["study"] or "Study"),
        name=folder.resolve().name,
        size=_size(table, *([count(len(methods), "method")] if methods else []), points),
        notes=notes,
        provenance=_provenance(table),
        config=_config(folder),
    )


def in_words(kind: str) -> str:
    """The name of a class as people write it.

    Example:
        >>> in_words("IterativePruning")
        'Iterative pruning'
    """
    return re.sub(r"(?<=[a-z])([A-Z])", lambda m: " " + m[1].lower(), kind)


def _size(table: pd.DataFrame, *parts: str) -> str:
    told = [count(table["seed"].nunique(), "seed"), *parts, count(len(table), "training")]
    if table["seconds"].notna().any():
        told.append(f"{duration(table['seconds'].sum())} of training time{_probed(table)}")
    return " · ".join(told)


def _probed(table: pd.DataFrame) -> str:
    """Which share of its time a training that probes look at is looked at, if any is."""
    told = []
    for column in (name for name in table if str(name).startswith("seconds_")):
        own = table[table[column].notna() & table["seconds"].notna()]
        taken = own[column].sum() / own["seconds"].sum() if own["seconds"].sum() else 0.0
        told.append(f"{100 * taken:.2g} % of it {str(column).removeprefix('seconds_').replace('_', ' ')}")
    return f" ({', '.join(told)})" if told else ""


def _provenance(table: pd.DataFrame) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for row in table.to_dict("records"):
        versions: Any = row["versions"] if isinstance(row["versions"], dict) else {}
        for name, value in {**versions, "precision": row["precision"], "git commit": row["commit"]}.items():
            if isinstance(value, str):
                found.setdefault(str(name), set()).add(value)
    return {name: ", ".join(sorted(values)) for name, values in found.items()}


def _config(folder: Path) -> str | None:
    file = folder / "config.yaml"
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None
