"""What analyses found out about single trainings, as columns of the table of trainings."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean

from .rows import Row, objects

MEASURES: Mapping[str, Mapping[str, str]] = {  # analysis -> column of the table -> what its rows call it
    "between_rounds": {"error_barrier": "error_barrier", "error_barrier_statistics": "statistics"},
    "instability": {"instability": "error_barrier", "instability_statistics": "statistics"},
    "distances": {"angular_distance": "angular"},
    "weight_correlation": {"weight_correlation": "total"},
    "to_solution": {"barrier_to_pruned": "loss_barrier", "barrier_to_pruned_statistics": "statistics"},
    "ensembles": {
        "disagreement": "disagreement",
        "disagreement_with_pruned": "disagreement_with_pruned",
        "ensemble_accuracy": "ensemble_accuracy",
    },
}
LEVELS: Mapping[str, float] = {  # column -> the value that it is compared with
    "instability": 0.02,  # below it, networks are stable (Frankle et al., 2020, arXiv:1912.05671)
    "error_barrier": 0.02,
    "weight_correlation": 0.2,  # chance, where large are as many as by default
}
EARLY = 0.1  # share of a training that counts as its beginning
FLOW = ("gradient_norm_early", "gradient_change_early")
COLUMNS = (*(c for columns in MEASURES.values() for c in columns if not c.endswith("_statistics")), *FLOW)


def measures(folder: Path) -> dict[str, Row]:
    """Folder of a training -> the columns that analyses give it; by the first of several ways to evaluate.

    Args:
        folder: The experiment's folder.

    Returns:
        `error_barrier` between its network and the one of the round before, and their `angular_distance`; the
        `instability` of it and its copies, their `disagreement`, `disagreement_with_pruned` and `ensemble_accuracy`;
        the `weight_correlation` with its initialisation; the `barrier_to_pruned`, of the loss. All are shares but this
        and the distance, which is 1 for unrelated networks. `..._statistics` says by what batch norm normalised there.
        `gradient_norm_early` is the mean norm of the gradient in the first tenth of the steps but for the first look,
        before any, and `gradient_change_early` its mean change by the moves of the mask in that time.
    """
    found: dict[str, Row] = {}
    for name, columns in MEASURES.items():
        file = folder / "analyses" / f"{name}.jsonl"
        for _, row in objects(file) if file.is_file() else ():
            if row is not None and isinstance(row.get("folder"), str):
                for column, key in columns.items():
                    found.setdefault(row["folder"], {}).setdefault(column, row.get(key))
    flow = folder / "analyses" / "gradient_flow.jsonl"
    for training, told in _flow(row for _, row in objects(flow) if row is not None) if flow.is_file() else ():
        found.setdefault(training, {}).update(told)
    return found


def _flow(rows: Iterable[Row]) -> Iterable[tuple[str, Row]]:
    """The folder of each training, and what there is to say of its gradient at the beginning."""
    by_training: dict[str, list[Row]] = {}
    for row in rows:
        if "folder" in row and "step" in row:
            by_training.setdefault(row["folder"], []).append(row)
    for training, own in by_training.items():
        early = [row for row in own if 0 < row["step"] <= EARLY * max(each["step"] for each in own)]
        values = [
            [row["norm"] for row in early if "norm" in row],
            [row["after"] - row["before"] for row in early if "norm" not in row],
        ]
        yield training, {name: fmean(each) for name, each in zip(FLOW, values, strict=True) if each}
