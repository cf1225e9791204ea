"""From an experiment's folder to tables."""

import json
import math
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

NUMBERS = (
    "density_asked",
    "density",
    "effective_density",
    "weights_kept",
    "weights",
    "epochs",
    "steps",
    "val_accuracy",
    "val_accuracy_best",
    "val_loss",
    "train_accuracy",
    "train_loss",
    "test_accuracy",
    "test_loss",
    "seconds",
)
OTHERS = ("experiment", "precision", "layers", "structure", "folder", "versions", "commit")
CURVES = ("step", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


def read(folder: Path | str) -> pd.DataFrame:
    """One row per finished training of an experiment, in the order in which they finished.

    A line that is not a complete row (a writer was cut off in the middle of it) is left out with a warning; its line
    number is kept in `table.attrs["unreadable_lines"]`. A training written twice counts once: the later row is taken.
    Trainings that only prepare others (arm 'pretraining': a search for tickets on corrupted data) are left out.
    `table.attrs["not_applicable"]` has the reasons of sanity checks that do not apply, by arm.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.

    Returns:
        The columns of `results.jsonl` (accuracies and densities are shares 0..1; what a row does not have is NaN or
        None), `effective_density` from their structure, and `seconds`, the wall time from the training's `timing.json`.

    Raises:
        FileNotFoundError: There is no finished training in this folder.
    """
    folder = Path(folder)
    file = folder / "results.jsonl"
    if not file.is_file():
        raise FileNotFoundError(_no_results(folder))
    lines = dict(_objects(file))
    rows = [row for row in lines.values() if row is not None and _is_training(row) and row["arm"] != "pretraining"]
    unreadable = [number for number, row in lines.items() if row is None or not _is_training(row)]
    if unreadable:
        numbers = ", ".join(map(str, unreadable))
        warnings.warn(f"left out what is not a complete row in '{file}': line {numbers}", stacklevel=2)
    if not rows:
        raise FileNotFoundError(f"'{file}' has no finished training yet: wait for the first one, or start it again")
    rows = list(
        {row["folder"] if isinstance(row.get("folder"), str) else i: row for i, row in enumerate(rows)}.values()
    )
    table = pd.DataFrame([{**row, **_effective(row), "seconds": _seconds(folder, row)} for row in rows])
    table = table.reindex(columns=[*table.columns, *(c for c in (*NUMBERS, *OTHERS) if c not in table)])
    table[list(NUMBERS)] = table[list(NUMBERS)].apply(pd.to_numeric, errors="coerce").astype(float)
    table.attrs["unreadable_lines"] = unreadable
    table.attrs["not_applicable"] = _not_applicable(folder / "not_applicable.json")
    return table


def curves(folder: Path | str) -> pd.DataFrame:
    """The training curves of all finished trainings: one row per training and epoch.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.

    Returns:
        The columns of `metrics.jsonl` (`epoch` counts completed epochs) with `arm`, `seed`, `round`, `density` and
        `folder` of the training. A training without curves has no rows; an epoch written twice, because a training
        was interrupted and resumed, counts once.

    Raises:
        FileNotFoundError: There is no finished training in this folder.
    """
    folder = Path(folder)
    epochs: dict[tuple[str, int], dict[str, Any]] = {}
    for training in read(folder).to_dict("records"):
        file = folder / str(training["folder"]) / "metrics.jsonl"
        origin = {str(key): training[key] for key in ("arm", "seed", "round", "density", "folder")}
        for _, row in _objects(file) if file.is_file() else ():
            if row is not None and isinstance(row.get("epoch"), int):
                epochs[origin["folder"], row["epoch"]] = {**origin, **row}
    columns = ["arm", "seed", "round", "density", "folder", "epoch", *CURVES]
    table = pd.DataFrame(list(epochs.values()))
    table = table.reindex(columns=[*columns, *(c for c in table.columns if c not in columns)])
    table[list(CURVES)] = table[list(CURVES)].apply(pd.to_numeric, errors="coerce").astype(float)
    return table


def _objects(file: Path) -> Iterable[tuple[int, dict[str, Any] | None]]:
    """Numbered lines of a JSON-lines file; None where a line is no JSON object."""
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if line.strip():
            yield number, _object(line)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _is_training(row: dict[str, Any]) -> bool:
    return isinstance(row.get("arm"), str) and all(isinstance(row.get(key), int) for key in ("seed", "round"))


def _effective(row: dict[str, Any]) -> dict[str, Any]:
    structure = row.get("structure")
    return {"effective_density": structure.get("effective_density")} if isinstance(structure, dict) else {}


def _not_applicable(file: Path) -> dict[str, str]:
    told = (_object(file.read_text(encoding="utf-8", errors="replace")) or {}) if file.is_file() else {}
    return {arm: reason.rstrip(". ") for arm, reason in told.items() if isinstance(reason, str)}


def _seconds(folder: Path, row: dict[str, Any]) -> float:
    if not isinstance(row.get("folder"), str):
        return math.nan
    file = folder / row["folder"] / "timing.json"
    seconds = (_object(file.read_text(encoding="utf-8", errors="replace")) or {} if file.is_file() else {}).get(
        "seconds"
    )
    return float(seconds) if isinstance(seconds, int | float) else math.nan


def _no_results(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder '{folder}': name the one that `lth run ... --folder` wrote to"
    inside = sorted(file.parent for file in folder.glob("*/results.jsonl"))
    hint = f", perhaps '{inside[0]}'" if inside else ""
    return f"'{folder}' has no results.jsonl: name the folder that `lth run ... --folder` wrote to{hint}"
