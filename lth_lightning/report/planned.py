"""What a folder's configuration plans: the axes of a study, its claims, and the bar that tickets are judged by."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from ..claims import Bar, Claim, number


def config_of(folder: Path | str) -> dict[str, Any]:
    """The configuration of an experiment; empty where there is none that can be read."""
    file = Path(folder) / "config.yaml"
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8", errors="replace"))
    except (OSError, yaml.YAMLError):
        return {}
    return told if isinstance(told, dict) else {}


def grid_of(folder: Path | str) -> dict[str, list[Any]]:
    """The axes of a study's grid and their values, in the order of the configuration.

    An axis is called by the last part of its key, or by all of it where two axes would be called alike.

    Args:
        folder: The folder of a study; that of another experiment has no axes.
    """
    experiment = config_of(folder).get("experiment")
    arguments = experiment.get("init_args") if isinstance(experiment, dict) else None
    grid = arguments.get("grid") if isinstance(arguments, dict) else None
    if not isinstance(grid, dict):
        return {}
    last = [str(key).rpartition(".")[2] for key in grid]
    found: dict[str, list[Any]] = {}
    for (key, values), short in zip(grid.items(), last, strict=True):
        name = short if isinstance(values, list) and last.count(short) == 1 else str(key)
        found[name] = [*map(str, values)] if isinstance(values, dict) else [*map(_read, values or [])]
    return found


def claims_of(folder: Path | str) -> tuple[list[Claim], list[str]]:
    """What an experiment claims.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.

    Returns:
        The claims of its configuration, and a sentence for each that cannot be read.
    """
    told = config_of(folder).get("claims") or []
    claims, notes = [], []
    for place, entry in enumerate(told if isinstance(told, list) else [told], start=1):
        try:
            claims.append(_made(Claim, entry))
        except (TypeError, ValueError) as error:
            notes.append(f"Claim {place} of config.yaml is left out: {error}.")
    return claims, notes


def bar_of(folder: Path | str) -> tuple[Bar, list[str]]:
    """What tickets have to pass in an experiment.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.

    Returns:
        The bar of its configuration, or the default one, with a sentence where the former cannot be read.
    """
    told = config_of(folder).get("bar") or {}
    try:
        return _made(Bar, told), []
    except (TypeError, ValueError) as error:
        return Bar(), [f"The bar of config.yaml is left out, and the default one taken: {error}."]


def _made(kind: type, entry: Any) -> Any:
    """An object from its arguments in a configuration."""
    if not isinstance(entry, dict):
        raise TypeError(f"'{entry}' is no {kind.__name__.lower()}: write keys and values")
    known = [field.name for field in fields(kind)]
    if unknown := [str(key) for key in entry if key not in known]:
        raise TypeError(f"a {kind.__name__.lower()} has no {unknown[0]}: it has {', '.join(known)}")
    numbers = {field.name for field in fields(kind) if field.type in (float, float | None)}
    try:
        return kind(**{key: _read(value) if key in numbers else value for key, value in entry.items()})
    except TypeError as error:
        missing = str(error).rpartition("argument")[2].lstrip("s: ") if "missing" in str(error) else ""
        raise TypeError(f"it lacks {missing}: add it" if missing else str(error)) from error


def _read(value: Any) -> Any:
    """YAML has a number without a point, such as 1e-05, as text."""
    size = number(value) if isinstance(value, str) else None
    return value if size is None or not math.isfinite(size) else size
