"""The grid of a study: axes, and the points that they span."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

Axis = list[Any] | dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Point:
    """A configuration of a study.

    Args:
        at: Axis -> value.
        changes: Dotted key of the configuration -> value.
    """

    at: Mapping[str, Any]
    changes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its folder.

        Example:
            >>> Point({"lr": 0.01, "length": "short"}, {}).name
            'lr-0.01_length-short'
        """
        return "_".join(f"{axis}-{_written(value)}" for axis, value in self.at.items())


def axes(grid: Mapping[str, Axis]) -> dict[str, dict[Any, dict[str, Any]]]:
    """Axis -> value -> what it changes.

    Args:
        grid: Axes: a key of the configuration with its values, or a name with labelled changes of several keys.

    Raises:
        ValueError: If an axis has no value, the same value twice, or one that cannot be in the name of a folder.

    Example:
        >>> axes({"model.optimizer.lr": [0.1], "length": {"short": {"trainer.max_epochs": 8}}})
        {'lr': {0.1: {'model.optimizer.lr': 0.1}}, 'length': {'short': {'trainer.max_epochs': 8}}}
    """
    last = [key.rpartition(".")[2] for key in grid]
    found: dict[str, dict[Any, dict[str, Any]]] = {}
    for key, short, values in zip(grid, last, grid.values(), strict=True):
        if isinstance(values, Mapping):
            name, choices = key, {str(label): dict(changes) for label, changes in values.items()}
        else:
            name = short if last.count(short) == 1 else key
            if bad := [value for value in values if not isinstance(value, str | int | float)]:
                raise ValueError(
                    f"the axis {key} has the value {bad[0]}: give it a label, as in "
                    f"{{{short}: {{mine: {{{key}: {bad[0]}}}}}}}"
                )
            choices = {value: {key: value} for value in values}
            if len(choices) < len(values):
                raise ValueError(f"the axis {key} has a value twice in {values}: give each once")
        if not choices:
            raise ValueError(f"the axis {key} has no values: give at least one, or leave it out")
        if odd := [value for value in choices if {*_written(value)} & {*"/\\"} or not _written(value)]:
            raise ValueError(f"the axis {key} has the value '{odd[0]}', which cannot name a folder: give it a label")
        found[name] = choices
    return found


def points(grid: Mapping[str, Axis]) -> list[Point]:
    """All combinations of the axes' values; one without changes if there is no axis.

    Raises:
        ValueError: If an axis has no good values, or two axes change the same key.
    """
    named = axes(grid)
    found = []
    for values in product(*named.values()):
        at = dict(zip(named, values, strict=True))
        changes = [named[axis][value] for axis, value in at.items()]
        keys = [key for each in changes for key in each]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise ValueError(f"two axes of the grid change {twice[0]}: let one of them")
        found.append(Point(at, {key: value for each in changes for key, value in each.items()}))
    return found


def ends(grid: Mapping[str, Axis]) -> dict[str, Axis]:
    """The grid with the first and last value of every axis, for a trial."""
    return {key: _ends(values) for key, values in grid.items()}


def _ends(values: Axis) -> Axis:
    if isinstance(values, Mapping):
        return {label: values[label] for label in _first_and_last(list(values))}
    return _first_and_last(values)


def _first_and_last(values: Sequence[Any]) -> list[Any]:
    return [*values[:1], *values[1:][-1:]]


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
