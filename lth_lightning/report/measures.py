"""What analyses found out about single trainings, as columns of the table of trainings."""

from collections.abc import Mapping
from pathlib import Path

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
COLUMNS = tuple(c for columns in MEASURES.values() for c in columns if not c.endswith("_statistics"))


def measures(folder: Path) -> dict[str, Row]:
    """Folder of a training -> the columns that analyses give it; by the first of several ways to evaluate.

    Args:
        folder: The experiment's folder.

    Returns:
        `error_barrier` between its network and the one of the round before, and their `angular_distance`; the
        `instability` of it and its copies, their `disagreement`, `disagreement_with_pruned` and `ensemble_accuracy`;
        the `weight_correlation` with its initialisation; the `barrier_to_pruned`, of the loss. All are shares but this
        and the distance, which is 1 for unrelated networks. `..._statistics` says by what batch norm normalised there.
    """
    found: dict[str, Row] = {}
    for name, columns in MEASURES.items():
        file = folder / "analyses" / f"{name}.jsonl"
        for _, row in objects(file) if file.is_file() else ():
            if row is not None and isinstance(row.get("folder"), str):
                for column, key in columns.items():
                    found.setdefault(row["folder"], {}).setdefault(column, row.get(key))
    return found
