"""What to know before believing an experiment's numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from .arms import copied, describe
from .setting import Setting
from .structure import collapses
from .wording import count, share

MOST = 6  # notes of one kind
FAR = 0.1  # apart in accuracy: near chance one seed may have half of another's by luck
SHARED = ("dense", "small_dense")


def notes(table: pd.DataFrame) -> list[str]:
    """Sentences on one experiment.

    Args:
        table: Its trainings as `read` returns them.
    """
    return [*_failed(table), *collapses(table), *_apart(table), *_unreadable(table), *_seeds(table), *_slow(table)]


def notes_of_study(table: pd.DataFrame, found: Mapping[Setting, pd.DataFrame]) -> list[str]:
    """Sentences on a study.

    Args:
        table: Its trainings as `read` returns them.
        found: The same as `settings` splits them.
    """
    return [
        *_failed(table),
        *_missing(found),
        *_of_settings(found, collapses, "collapses of layers"),
        *_of_settings(found, _apart, "densities at which some seeds hardly learn"),
        *_unreadable(table),
        *_one_seed(table),
        *_slow(table),
    ]


def _of_settings(
    found: Mapping[Setting, pd.DataFrame], tell: Callable[[pd.DataFrame], list[str]], kind: str
) -> list[str]:
    """The first sentences of a kind, with the setting of each, and how many more there are."""
    told = [f"{setting.name}: {note}" for setting, own in found.items() for note in tell(own)]
    return [*told[:MOST], *([f"There are {len(told) - MOST} more {kind}."] if len(told) > MOST else [])]


def _apart(table: pd.DataFrame) -> list[str]:
    """A sentence for every density at which some seeds of an arm learn and others hardly do: means are of neither."""
    own = table[~table["arm"].map(copied).astype(bool) & table["test_accuracy"].notna()]
    sentences = []
    for _, at in own.groupby("round"):
        best = at.groupby("arm")["test_accuracy"].transform("max")
        low = at[(at["test_accuracy"] < best / 2) & (best - at["test_accuracy"] > FAR)]
        arms = [
            f"{arm.label} in {there['seed'].nunique()} of {at.loc[at['arm'] == arm.name, 'seed'].nunique()}, "
            f"down to {share(there['test_accuracy'].min())} beside {share(best[there.index].max())}"
            for arm in describe(low["arm"]).values()
            for there in [low[low["arm"] == arm.name]]
        ]
        if arms:
            where = f"With {share(low['density'].mean())} of the weights some seeds hardly learn"
            sentences.append(f"{where}: {'; '.join(arms)}. Means and intervals over both kinds tell little of either.")
    return sentences


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


def _slow(table: pd.DataFrame) -> list[str]:
    """The advice to the training that waited longest for its images, if any waited too long."""
    if "loader_advice" not in table or table["loader_advice"].isna().all():
        return []
    advised = table[table["loader_advice"].notna()]
    place, _, advice = max(advised[["folder", "loader_wait", "loader_advice"]].values.tolist(), key=lambda row: row[1])
    return [f"Slower than need be: in {place} {advice}."]


def _seeds(table: pd.DataFrame) -> list[str]:
    notes = []
    if len({frozenset(zip(own["arm"], own["round"], strict=True)) for _, own in table.groupby("seed")}) > 1:
        notes.append("Not every seed has finished every training: n says how many seeds a number comes from.")
    notes += _one_seed(table)
    if table[~table["arm"].map(copied)].duplicated(["arm", "round", "seed"]).any():
        notes.append(
            "Some seeds have several trainings of the same arm and round: they are averaged before anything else."
        )
    return notes


def _one_seed(table: pd.DataFrame) -> list[str]:
    if table["seed"].nunique() > 1:
        return []
    return ["There is one seed only (n = 1: no interval): how far other seeds would spread is unknown."]
