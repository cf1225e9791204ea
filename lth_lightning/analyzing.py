"""`lth analyze`: what the networks of a finished experiment have to do with each other."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser
from rich.console import Console

from . import configs
from .analyses import Analysis, BetweenRounds, Distances, WeightCorrelation
from .analyses.base import Row
from .analyses.finding import lineages
from .arguments import made_by
from .experiments import Built, Study
from .failures import UsageError
from .files import replacing
from .mistakes import usage_errors
from .training import Seeds
from .training.devices import default_threads

DEFAULT: tuple[Analysis, ...] = (BetweenRounds(), Distances(), WeightCorrelation())


def analyze(folder: Path, args: Sequence[str]) -> None:
    """Write `analyses/NAME.jsonl` into an experiment's folder, and say in a sentence what is in each.

    Args:
        folder: The experiment's folder.
        args: The other words: `--config` and `--analyses`.

    Raises:
        UsageError: If there is no experiment, or nothing in it to analyse.
    """
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with usage_errors("analyze"):
        analyses = _asked(configs.resolve(list(args)))
        builder = _Builder(folder)
        try:
            found = lineages(folder, builder)
        except FileNotFoundError as error:
            raise UsageError(str(error)) from error
        if not found:
            raise UsageError(f"{folder} has no tickets yet, whose rounds could be compared: wait for the first one")
        torch.set_num_threads(default_threads(found[0].build().module))
    for analysis in analyses:
        rows: list[Row] = []
        by_setting: dict[str, list[Row]] = {lineage.setting: [] for lineage in found}
        for lineage in found:
            own = analysis.rows(lineage)
            rows += own
            by_setting[lineage.setting] += own
        path = folder / "analyses" / f"{analysis.name}.jsonl"
        with replacing(path) as partial:
            partial.write_text("".join(json.dumps({**vars(analysis), **row}) + "\n" for row in rows))
        for setting, own in by_setting.items():
            console.print(f"{setting}: {analysis.sentence(own)}" if setting else analysis.sentence(own))
        console.print(f"  {path}")


def _asked(words: Sequence[str]) -> Sequence[Analysis]:
    """The analyses that a command line asks for; those of `DEFAULT` if it asks for none."""
    parser = ArgumentParser(exit_on_error=False, prog="lth analyze")
    parser.add_argument("--config", action="config")
    parser.add_argument("--analyses", type=list[Analysis])
    made = parser.instantiate(parser.parse_args(list(words))).analyses
    return DEFAULT if made is None else list(made)


class _Builder:
    """Builds what an experiment's `config.yaml` describes, on the device that it trains on."""

    def __init__(self, folder: Path) -> None:
        self.arguments, experiment = made_by(folder)
        points = experiment.points if isinstance(experiment, Study) else []
        self.changes = {str(dict(point.at)): point.changes for point in points}

    def __call__(self, seed: int, point: Mapping[str, Any]) -> Built:
        changes = self.changes.get(str(dict(point)), {})
        build = self.arguments.varied(changes).build if changes else self.arguments.build
        seeds = Seeds.of(seed)
        return build(seeds, seeds.init)
