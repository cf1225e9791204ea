"""A folder belongs to one configuration."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ..files import in_use, replacing
from ..preemption import stop_if_asked
from ..training import lockstep
from .base import Experiment

Config = dict[str, Any]
Completed = Callable[[Config], Config]
MayDiffer = Callable[[str, Config, Config], bool]
# no training depends on them
GROW = {"folder", "seeds", "track", "save_seconds", "replicas", "retry", "claims", "analyses", "bar"}
ARGUMENTS = "experiment.init_args."
WAIT_SECONDS = 0.5


def pause() -> None:
    """Let another process get on that holds a folder, or another training here, unless a signal asks to stop."""
    stop_if_asked()
    lockstep.pause(WAIT_SECONDS)


class OtherConfigError(ValueError):
    """A folder belongs to another configuration."""


def claim(folder: Path, config: Config, may_differ: MayDiffer, completed: Completed = dict) -> None:
    """Make a folder this configuration's: write `config.yaml`, or compare with the one there.

    Args:
        folder: The experiment's folder.
        config: The resolved configuration.
        may_differ: Whether a dotted key may differ between the configuration that the folder began with, and this one.
        completed: Adds the keys, with their defaults, that a configuration lacks because it is of an older version.

    Raises:
        OtherConfigError: If the folder was made by another configuration; names the keys that differ.
    """
    path, text = folder / "config.yaml", yaml.safe_dump(config, sort_keys=False)
    if path.exists() and path.read_text(errors="replace") == text:
        return
    if _has_trainings(folder):  # before, nothing depends on it
        there, here = flat(completed(_read(path))), flat(config)
        keys = [
            key for key in {**there, **here} if there.get(key) != here.get(key) and not may_differ(key, there, here)
        ]
        if keys:
            listed = "; ".join(f"{key} is {_told(there, key)} there, {_told(here, key)} here" for key in keys[:5])
            more = f"; and {len(keys) - 5} more" if len(keys) > 5 else ""
            raise OtherConfigError(
                f"{folder} belongs to another configuration ({listed}{more}): choose another --folder, or delete it"
            )
    with replacing(path) as partial:
        partial.write_text(text)


def _has_trainings(folder: Path) -> bool:
    """Whether there is something of a training, or a process is about to begin one."""
    files = (file for file in folder.glob("seed-*/**/*") if file.is_file())
    return (folder / "results.jsonl").exists() or any(file.name[0] != "." or in_use(file.parent) for file in files)


def _read(path: Path) -> Config:
    """The configuration that a folder was begun with."""
    try:
        config = yaml.safe_load(path.read_text())
        if isinstance(config, dict):
            return config
    except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError):
        pass
    raise OtherConfigError(
        f"{path} is missing or damaged, so the trainings beside it may be of any configuration: choose another --folder"
    )


def _told(config: Config, key: str) -> str:
    return repr(config[key]) if config.get(key) is not None else "not set"


def flat(tree: Mapping[str, Any], prefix: str = "") -> Config:
    """Dotted key -> value."""
    found: Config = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def may_differ(experiment: Experiment, key: str, there: Config, here: Config) -> bool:
    """Whether no finished training of an experiment depends on the difference of a key."""
    if key.startswith(ARGUMENTS):
        own = [{k.removeprefix(ARGUMENTS): v for k, v in c.items() if k.startswith(ARGUMENTS)} for c in (there, here)]
        return experiment.may_differ(key.removeprefix(ARGUMENTS), *own)
    return key.partition(".")[0] in GROW
