"""What a whole experiment shares: how much was trained, what to know before believing it, and what produced it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .settings import Setting
from .structure import collapses
from .wording import count, duration, share

MOST = 6  # notes of one kind
SHARED = ("dense", "small_dense")


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
        notes: What else there is to know.
    """
    kinds = table["experiment"].dropna().astype(str).unique()
    rounds = count(int((table["round"].unique() > 0).sum()), "round") + " of pruning"
    return Facts(
        title=", ".join(map(in_words, kinds)) or "Experiment",
        name=folder.resolve().name,
        size=_size(table, rounds),
        notes=[*notes, *_failed(table), *collapses(table), *_unreadable(table), *_seeds(table)],
        provenance=_provenance(table),
        config=_config(folder),
    )


def facts_of_study(folder: Path, table: pd.DataFrame, found: Mapping[Setting, pd.DataFrame], notes: list[str]) -> Facts:
    """The facts of a study.

    Args:
        folder: Its folder.
        table: Its trainings as `read` returns them.
        found: The same as `settings` splits them.
        notes: What else there is to know.
    """
    methods = {setting.method for setting in found} - {""}
    points = count(len({setting.point for setting in found}), "point") + " of the grid"
    told = [f"{_named(setting)}{note}" for setting, own in found.items() for note in collapses(own)]
    more = [f"There are {len(told) - MOST} more collapses of layers."] if len(told) > MOST else []
    one_seed = _one_seed(table)
    return Facts(
        title=str(table.attrs["study"] or "Study"),
        name=folder.resolve().name,
        size=_size(table, *([count(len(methods), "method")] if methods else []), points),
        notes=[*notes, *_failed(table), *_missing(found), *told[:MOST], *more, *_unreadable(table), *one_seed],
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


def _named(setting: Setting) -> str:
    return f"{', '.join(filter(None, [setting.method, setting.place]))}: "


def _size(table: pd.DataFrame, *parts: str) -> str:
    told = [count(table["seed"].nunique(), "seed"), *parts, count(len(table), "training")]
    if table["seconds"].notna().any():
        told.append(f"{duration(table['seconds'].sum())} of training time")
    return " · ".join(told)


def _failed(table: pd.DataFrame) -> list[str]:
    """A sentence for every reason for which trainings failed, with the first of their folders."""
    folders: dict[str, list[str]] = {}
    for place, reason in table.attrs.get("failed", {}).items():
        folders.setdefault(reason, []).append(place)
    return [
        f"{count(len(places), 'training')} failed ({places[0]}{' and others' if len(places) > 1 else ''}): {reason}."
        for reason, places in folders.items()
    ]


def _missing(found: Mapping[Setting, pd.DataFrame]) -> list[str]:
    """How many trainings of a seed, or at a point, are not there though they are elsewhere."""
    there: set[tuple[Any, ...]] = set()
    planned: dict[str, set[tuple[str, str, int]]] = {}
    for setting, own in found.items():
        for arm, density, seed in zip(own["arm"], own["density_asked"].map(share), own["seed"], strict=True):
            method = "" if arm in SHARED else setting.method
            there.add((setting.point, method, arm, density, seed))
            planned.setdefault(method, set()).add((arm, density, seed))
    seeds, points = {key[-1] for key in there}, {setting.point for setting in found}
    wanted = {
        (point, method, arm, density, seed)
        for method, trainings in planned.items()
        for arm, density, _ in trainings
        for point in points
        for seed in seeds
    }
    if lacking := len(wanted - there):
        number = f"{count(lacking, 'training')} of {len(wanted)}"
        return [f"Not finished yet, or failed: {number}. n says how many seeds a number comes from."]
    return []


def _unreadable(table: pd.DataFrame) -> list[str]:
    if lines := table.attrs["unreadable_lines"]:
        return [f"results.jsonl has incomplete lines, which are left out here: {', '.join(map(str, lines))}."]
    return []


def _seeds(table: pd.DataFrame) -> list[str]:
    notes = []
    if len({frozenset(zip(own["arm"], own["round"], strict=True)) for _, own in table.groupby("seed")}) > 1:
        notes.append("Not every seed has finished every training: n says how many seeds a number comes from.")
    notes += _one_seed(table)
    if table.duplicated(["arm", "round", "seed"]).any():
        notes.append(
            "Some seeds have several trainings of the same arm and round: they are averaged before anything else."
        )
    return notes


def _one_seed(table: pd.DataFrame) -> list[str]:
    if table["seed"].nunique() > 1:
        return []
    return ["There is one seed only (n = 1: no interval): how far other seeds would spread is unknown."]


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
