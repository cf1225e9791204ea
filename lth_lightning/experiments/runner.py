"""Runs an experiment: its folder, its replicates, and who watches."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from ..files import held, replacing
from ..sparsity import Mask, Prunable
from ..training import Seeds
from .base import Built, Experiment, Result
from .failed import FailedTrainingError
from .recipe import Build, LightningRecipe, Observer
from .results import Ledger
from .trainer import quiet_trainer

Config = dict[str, Any]
Completed = Callable[[Config], Config]


class OtherConfigError(ValueError):
    """A folder belongs to another configuration."""


def claim(folder: Path, config: Config, may_differ: Callable[[str], bool], completed: Completed = dict) -> None:
    """Make a folder this configuration's: write `config.yaml`, or compare with the one there.

    Args:
        folder: The experiment's folder.
        config: The resolved configuration.
        may_differ: Whether a dotted key may differ from the configuration that the folder began with.
        completed: Adds the keys, with their defaults, that a configuration lacks because it is of an older version.

    Raises:
        OtherConfigError: If the folder was made by another configuration; names the keys that differ.
    """
    path = folder / "config.yaml"
    if any(folder.glob("seed-*")) or (folder / "results.jsonl").exists():  # before, nothing depends on it
        there, here = _flat(completed(_read(path))), _flat(config)
        keys = [key for key in {**there, **here} if there.get(key) != here.get(key) and not may_differ(key)]
        if keys:
            listed = "; ".join(f"{key} is {_told(there, key)} there, {_told(here, key)} here" for key in keys[:5])
            more = f"; and {len(keys) - 5} more" if len(keys) > 5 else ""
            raise OtherConfigError(
                f"{folder} belongs to another configuration ({listed}{more}): choose another --folder, or delete it"
            )
    with replacing(path) as partial:
        partial.write_text(yaml.safe_dump(config, sort_keys=False))


def _is_or_is_in(names: set[str], key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


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


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Config:
    """Dotted key -> value."""
    flat: Config = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


@dataclass(frozen=True)
class Run:
    """An experiment in its folder.

    Args:
        experiment: What to arrange.
        build: A fresh module, data module and Trainer arguments, for given seeds.
        folder: The experiment's folder.
        config: The resolved configuration, kept as `config.yaml`.
        seeds: One replicate each.
        prunable: Which weights a mask is over.
        save_seconds: How often a running training is saved.
        retry: Whether to try trainings again that failed before.

    Raises:
        ValueError: If no seeds are given, one is negative or given twice, or save_seconds is negative.
    """

    experiment: Experiment
    build: Build
    folder: Path
    config: Config
    seeds: Sequence[int] = (0,)
    prunable: Prunable = field(default_factory=Prunable)
    save_seconds: float = 20.0
    retry: bool = False

    def __post_init__(self) -> None:
        seeds = f"seeds is {list(self.seeds)}"
        if not self.seeds:
            raise ValueError(f"{seeds}: give at least one, such as [0]")
        if min(self.seeds) < 0 or len({*self.seeds}) < len(self.seeds):
            raise ValueError(f"{seeds}: give each replicate a number of its own, 0 or more, such as [0, 1, 2]")
        if not self.save_seconds >= 0:
            raise ValueError(f"save_seconds is {self.save_seconds}: give seconds, or 0 to save after every step")

    @property
    def trainings(self) -> int:
        """Number of trainings, over all replicates."""
        return self.experiment.trainings * len(self.seeds)

    @property
    def finished(self) -> int:
        """Number of finished trainings of these replicates in the folder."""
        return sum(1 for seed in self.seeds for _ in (self.folder / f"seed-{seed}").rglob("result.pt"))

    def check(self, built: Built) -> None:
        """Refuse, before anything is written, what could not be trained.

        Args:
            built: The module, data module and Trainer arguments of one training.

        Raises:
            ValueError: If the settings do not fit together.
        """
        self.experiment.check(built, Mask.dense(self.prunable(built.module)))
        quiet_trainer(built.trainer, self.folder, [], 0)

    def claim(self, completed: Completed = dict) -> None:
        """Make the folder this experiment's.

        Args:
            completed: Adds the keys that an older version's configuration lacks.

        Raises:
            OtherConfigError: If it is another's.
        """
        grows = {"folder", "seeds", "track", "save_seconds", "retry"} | {
            f"experiment.init_args.{name}" for name in self.experiment.may_grow
        }
        may_differ = partial(_is_or_is_in, grows)
        claim(self.folder, self.config, may_differ, completed)

    def run(self, observers: Sequence[Observer] = ()) -> list[Result]:
        """Run every replicate, each in its folder `seed-N`; what is finished is read, what was cut resumes.

        Raises:
            FailedTrainingError: In the end, if a training failed.
        """
        with held(self.folder):
            self._note()
            return self._run(observers)

    def _note(self) -> None:
        """Keep for the report what does not apply, so that nothing is left out silently."""
        path, reasons = self.folder / "not_applicable.json", dict(self.experiment.inapplicable)
        if reasons:
            with replacing(path) as partial:
                partial.write_text(json.dumps(reasons, indent=1) + "\n")
        else:
            path.unlink(missing_ok=True)

    def _run(self, observers: Sequence[Observer]) -> list[Result]:
        ledger = Ledger(self.folder / "results.jsonl")
        results: list[Result] = []
        failures: dict[str, str] = {}
        for seed in self.seeds:
            recipe = LightningRecipe(
                build=self.build,
                seeds=Seeds.of(seed),
                root=self.folder,
                labels={"experiment": type(self.experiment).__name__, "seed": seed},
                prunable=self.prunable,
                ledger=ledger,
                observers=observers,
                save_seconds=self.save_seconds,
                retry=self.retry,
                failures=failures,
            )
            with suppress(FailedTrainingError):  # of a dense training, on which all of this replicate depends
                results += self.experiment.run(recipe, self.folder / f"seed-{seed}")
        if failures:
            name, why = next(iter(failures.items()))
            raise FailedTrainingError(
                f"{len(failures)} of {self.trainings} trainings failed, {name} first ({why}); what does not depend on "
                "them is done; the same command with --retry true tries them again"
            )
        return results
