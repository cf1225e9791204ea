"""From an experiment's folder to tables."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..claims import found, number
from .measures import measures
from .planned import grid_of
from .rows import Row, failed, finished, loading, not_applicable, objects, tables, times

NUMBERS = (
    "density_asked",
    "density",
    "effective_density",
    "weights_kept",
    "weights",
    "epochs",
    "epochs_in_all",
    "steps",
    "val_accuracy",
    "val_accuracy_best",
    "val_loss",
    "train_accuracy",
    "train_loss",
    "test_accuracy",
    "test_loss",
    "seconds",
    "lr",
)
OTHERS = ("experiment", "data", "method", "precision", "layers", "structure", "notes", "folder", "versions", "commit")
CURVES = ("step", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


RESERVED = {*NUMBERS, *OTHERS, "arm", "seed", "round", "study", "point"} - {"lr"}


def read(folder: Path | str) -> pd.DataFrame:
    """One row per finished training of an experiment.

    A line that is not a complete row (a writer was cut off in the middle of it) is left out with a warning; its line
    number is kept in `table.attrs["unreadable_lines"]`. A training written twice counts once: the later row is taken.
    Trainings that only prepare others (arm 'pretraining': a search for tickets on corrupted data) are left out.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.

    Returns:
        The columns of `results.jsonl` (accuracies and densities are shares 0..1; what a row does not have is NaN or
        None), `effective_density` from their structure, `seconds`, the wall time from the training's `timing.json`
        (and what probes took of it, `seconds_gradient_flow`), what `loading` tells where images are read from files,
        and what analyses found out about it (see `measures`).
        In the order in which they finished; of a study by seed, point, method (None: shared by all), round and folder,
        with a column for each axis of its grid. `attrs` has `study` (its name, or None), `axes` (names), `grid` (axis
        -> values), `failed` (folder -> reason) and `not_applicable` (arm -> why a sanity check does not apply).

    Raises:
        FileNotFoundError: There is no finished training in this folder.
    """
    folder = Path(folder)
    files = tables(folder)
    if not files:
        raise FileNotFoundError(_no_results(folder))
    rows, unreadable = finished(folder)
    if not rows:
        raise FileNotFoundError(f"'{files[0]}' has no finished training yet: wait for the first one, or start it again")
    names = [row["study"] for row in rows if isinstance(row.get("study"), str)]
    grid = _grid(rows, grid_of(folder)) if names else {}
    if names:
        rows = sorted(rows, key=lambda row: _place(row, grid))
    measured = measures(folder)
    table = pd.DataFrame(
        [
            {
                **row,
                **_effective(row),
                **_axes(row),
                **_times(folder, row),
                **loading(folder, row),
                **measured.get(row["folder"], {}),
            }
            for row in rows
        ]
    )
    table = table.reindex(columns=[*table.columns, *(c for c in (*NUMBERS, *OTHERS) if c not in table)])
    table[list(NUMBERS)] = table[list(NUMBERS)].apply(pd.to_numeric, errors="coerce").astype(float)
    table["method"] = table["method"].astype(object).where(table["method"].notna(), None)
    table.attrs |= {"study": names[0] if names else None, "axes": list(grid), "grid": grid}
    table.attrs |= {"unreadable_lines": unreadable, "failed": failed(folder), "not_applicable": not_applicable(folder)}
    return _completed(table)


def curves(folder: Path | str) -> pd.DataFrame:
    """The training curves of all finished trainings: one row per training and epoch.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.

    Returns:
        The columns of `metrics.jsonl` (`epoch` counts completed epochs) with `arm`, `seed`, `round`, `density` and
        `folder` of the training; in a study also `method` and the axes of its grid, but for `lr`, which is that of the
        epoch. A training without curves has no rows; an epoch written twice, because a training was interrupted and
        resumed, counts once.

    Raises:
        FileNotFoundError: There is no finished training in this folder.
    """
    folder = Path(folder)
    trainings = read(folder)
    own = ["arm", "seed", "round", "density", "folder"]
    if trainings.attrs["study"] is not None:
        own += ["method", *(axis for axis in trainings.attrs["axes"] if axis not in {*CURVES, "epoch"})]
    epochs: dict[tuple[str, int], dict[str, Any]] = {}
    for training in trainings.to_dict("records"):
        file = folder / str(training["folder"]) / "metrics.jsonl"
        origin = {str(key): training[key] for key in own if key in training}
        for _, row in objects(file) if file.is_file() else ():
            if row is not None and isinstance(row.get("epoch"), int):
                epochs[origin["folder"], row["epoch"]] = {**origin, **row}
    columns = [*own, "epoch", *CURVES]
    table = pd.DataFrame(list(epochs.values()))
    table = table.reindex(columns=[*columns, *(c for c in table.columns if c not in columns)])
    table[list(CURVES)] = table[list(CURVES)].apply(pd.to_numeric, errors="coerce").astype(float)
    return table


def position(value: Any, values: Iterable[Any]) -> tuple[int, float, str]:
    """Where a value of an axis comes: as in the list; others after it, by size or by name."""
    known = list(values)
    size = number(value)
    place = next((i for i, other in enumerate(known) if found(value, [other]) is not None), len(known))
    return place, float("inf") if size is None else size, str(value)


def _point(row: Row) -> Mapping[str, Any]:
    point = row.get("point")
    return point if isinstance(point, dict) else {}


def _grid(rows: list[Row], planned: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Axes and values in the order of the configuration, then what only the rows have, in their order."""
    grid = {axis: list(values) for axis, values in planned.items()}
    for row in rows:
        for axis, value in _point(row).items():
            values = grid.setdefault(axis, [])
            if found(value, values) is None:
                values.append(value)
    return grid


def _place(row: Row, grid: Mapping[str, list[Any]]) -> tuple[Any, ...]:
    point = [position(_point(row).get(axis), values) for axis, values in grid.items()]
    return row["seed"], point, str(row.get("method") or ""), row["round"], str(row.get("folder"))


def _axes(row: Row) -> Row:
    """A column for each axis, unless it is called as something else that every row has."""
    return {axis: value for axis, value in _point(row).items() if axis not in RESERVED}


def _times(folder: Path, row: Row) -> Row:
    """`seconds`, and those of each probe, `seconds_gradient_flow`, where there are any."""
    return {name if name == "seconds" else f"seconds_{name}": value for name, value in times(folder, row).items()}


def _effective(row: Row) -> Row:
    structure = row.get("structure")
    return {"effective_density": structure.get("effective_density")} if isinstance(structure, dict) else {}


def _completed(table: pd.DataFrame) -> pd.DataFrame:
    """Older rows tell neither learning rate nor data; where all others agree, theirs are the same."""
    for column in ("lr", "data"):
        known = table[column].dropna().unique()
        if len(known) == 1 and table.attrs["study"] is None:
            table[column] = known[0]
    return table


def _no_results(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder '{folder}': name the one that `lth run ... --folder` wrote to"
    inside = sorted(place for place in folder.glob("*/") if tables(place))
    hint = f", perhaps '{inside[0]}'" if inside else ""
    return f"'{folder}' has no results.jsonl: name the folder that `lth run ... --folder` wrote to{hint}"
