"""Accuracy against density, over the rounds of an experiment."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import mean
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A round of pruning, its density and test accuracy."""

    round: int
    density: float
    accuracy: float


def overview(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Point]]:
    """The curve of each arm, mean over its trainings in a round; the dense one is a level line to compare with.

    Args:
        rows: Rows as in `results.jsonl`; those without a test accuracy are left out.

    Example:
        >>> dense = [{"arm": "dense", "round": 0, "density": 1.0, "test_accuracy": a} for a in (0.5, 0.75)]
        >>> ticket = {"arm": "ticket", "round": 1, "density": 0.8, "test_accuracy": 0.5}
        >>> for arm, curve in overview([*dense, ticket]).items():
        ...     print(arm, *(tuple(point) for point in curve))
        dense (0, 1.0, 0.625) (1, 0.8, 0.625)
        ticket (1, 0.8, 0.5)
    """
    cells: dict[str, dict[int, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if "test_accuracy" in row:
            cells[row["arm"]][row["round"]].append(row)
    curves = {arm: [_mean(number, cell) for number, cell in sorted(rounds.items())] for arm, rounds in cells.items()}
    densities = {point.round: point.density for curve in curves.values() for point in curve}
    if len(dense := curves.get("dense", [])) == 1:
        curves["dense"] = [Point(number, densities[number], dense[0].accuracy) for number in sorted(densities)]
    return curves


def _mean(number: int, cell: list[Mapping[str, Any]]) -> Point:
    return Point(number, mean(row["density"] for row in cell), mean(row["test_accuracy"] for row in cell))
