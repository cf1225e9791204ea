"""Runs an experiment: its folder, its replicates, and who watches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..files import replacing
from ..sparsity import Prunable
from ..training import Seeds
from .base import Experiment, Result
from .recipe import Build, LightningRecipe, Observer
from .results import Ledger

Config = dict[str, Any]


class OtherConfigError(ValueError):
    """A folder belongs to another configuration."""


def claim(folder: Path, config: Config, may_differ: Callable[[str], bool]) -> None:
    """Make a folder this configuration's: write `config.yaml`, or compare with the one there.

    Args:
        folder: The experiment's folder.
        config: The resolved configuration.
        may_differ: Whether a dotted key may differ from the configuration that the folder began with.

    Raises:
        OtherConfigError: If the folder was made by another configuration; names the keys that differ.
    """
    path = folder / "config.yaml"
    if path.exists():
        there = _flat(yaml.safe_load(path.read_text()) or {})
        here = _flat(config)
        keys = [key for key in {**there, **here} if there.get(key) != here.get(key) and not may_differ(key)]
        if keys:
            listed = "; ".join(f"{key} is {there.get(key)!r} there, {here.get(key)!r} here" for key in keys[:5])
            more = f"; and {len(keys) - 5} more" if len(keys) > 5 else ""
            raise OtherConfigError(
                f"{folder} belongs to another configuration: {listed}{more}. "
                "Choose another --folder, or delete this one"
            )
    with replacing(path) as partial:
        partial.write_text(yaml.safe_dump(config, sort_keys=False))


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
    """

    experiment: Experiment
    build: Build
    folder: Path
    config: Config
    seeds: Sequence[int] = (0,)
    prunable: Prunable = field(default_factory=Prunable)
    save_seconds: float = 20.0

    @property
    def trainings(self) -> int:
        """Number of trainings, over all replicates."""
        return self.experiment.trainings * len(self.seeds)

    def claim(self) -> None:
        """Make the folder this experiment's.

        Raises:
            OtherConfigError: If it is another's.
        """
        grows = {"folder", "seeds", "track", "save_seconds"} | {
            f"experiment.init_args.{name}" for name in self.experiment.may_grow
        }
        claim(self.folder, self.config, lambda key: any(key == name or key.startswith(f"{name}.") for name in grows))

    def run(self, observers: Sequence[Observer] = ()) -> list[Result]:
        """Run every replicate, each in its folder `seed-N`; what is finished is read, what was cut resumes."""
        ledger = Ledger(self.folder / "results.jsonl")
        results: list[Result] = []
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
            )
            results += self.experiment.run(recipe, self.folder / f"seed-{seed}")
        return results
