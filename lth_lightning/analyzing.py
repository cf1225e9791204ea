"""What the networks of a finished experiment have to do with each other: `lth analyze`, and the end of `lth run`."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser
from rich.console import Console

from . import configs
from .analyses import Analysis, BetweenRounds, Distances, Instability, WeightCorrelation
from .analyses.base import Lineage, Row, state_of
from .analyses.finding import given, lineages
from .analysis.states import check_alike
from .arguments import Arguments
from .beginnings import made_by
from .experiments import Built, Experiment, Study
from .experiments.trainer import quiet_trainer
from .failures import UsageError
from .files import InUseError, held, replacing
from .mistakes import refusals, usage_errors
from .training import Seeds
from .training.devices import default_threads

DEFAULT: tuple[Analysis, ...] = (BetweenRounds(), Instability(), Distances(), WeightCorrelation())


def analyze(folder: Path, args: Sequence[str]) -> None:
    """Write `analyses/NAME.jsonl` into an experiment's folder, and say in a sentence what is in each.

    Of several folders, of trainings, it compares these networks in their order, and writes into the first one.

    Args:
        folder: The experiment's folder, or a training's.
        args: The other words: folders of further trainings, `--config` and `--analyses`; without, the analyses that the
            experiment's configuration asks for are made, or the usual ones.

    Raises:
        UsageError: If there is no experiment, or nothing in it to analyse, or networks have not one architecture.
    """
    others = [Path(word) for word in takewhile(lambda word: not word.startswith("-"), args)]
    with usage_errors("analyze"):
        asked = _asked(configs.resolve(list(args[len(others) :])))
        home = next((each for each in folder.parents if (each / "config.yaml").is_file()), folder) if others else folder
        arguments, experiment = made_by(home)
        analyses = asked or arguments.analyses() or DEFAULT
        builder = _Builder(home, arguments, experiment)
        try:
            found = [given([folder, *others], builder)] if others else lineages(folder, builder)
            module = found[0].build().module
            for network in found[0].networks if others else ():
                check_alike(module.state_dict(), state_of(network), str(network.folder))
        except (FileNotFoundError, ValueError) as error:
            raise UsageError(str(error)) from error
        torch.set_num_threads(default_threads(module))
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with refusals():
        rows = sum(_write(folder, analysis, found, console) for analysis in analyses)
    if not rows:
        raise UsageError(f"{folder}: {'; '.join(dict.fromkeys(analysis.nothing for analysis in analyses))}")


def conclude(folder: Path, arguments: Arguments, experiment: Experiment, console: Console, tracker: Any = None) -> None:
    """Make the analyses that a configuration asks for, of an experiment that has finished.

    What was made of these trainings already is not made again; of several processes one does.

    Args:
        folder: The experiment's folder.
        arguments: Its configuration.
        experiment: What it arranges.
        console: To say what is in each.
        tracker: Of W&B, which gets their curves.
    """
    analyses = arguments.analyses()
    due = [analysis for analysis in analyses if not _current(folder, analysis)]
    try:
        with held(folder / "analyses"):
            found = lineages(folder, _Builder(folder, arguments, experiment)) if due else []
            for analysis in due:
                _write(folder, analysis, found, console)
            for analysis in analyses if tracker is not None else ():
                file = _file(folder, analysis)
                rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
                tracker.analysed(analysis.name, *analysis.curves(rows), anew=analysis in due)
    except InUseError:
        console.print(f"another process analyses {folder}")


def _write(folder: Path, analysis: Analysis, found: Sequence[Lineage], console: Console) -> int:
    """Make an analysis of all lineages; returns the number of rows."""
    by_setting: dict[str, list[Lineage]] = {}
    told: dict[str, list[Row]] = {}
    for lineage in found:
        with lineage.precision():
            own = analysis.rows(lineage)
        by_setting.setdefault(lineage.setting, []).append(lineage)
        told.setdefault(lineage.setting, []).extend(own)
    for setting, alike in by_setting.items():
        with alike[0].precision():
            told[setting] += analysis.across(alike)
    rows = [row for own in told.values() for row in own]
    if not rows:
        return 0
    path = _file(folder, analysis)
    with replacing(path) as partial:
        partial.write_text("".join(json.dumps({**_arguments(analysis), **row}) + "\n" for row in rows))
    for setting, own in told.items():
        if not own:
            continue
        console.print(f"{setting}: {analysis.sentence(own)}" if setting else analysis.sentence(own))
    console.print(f"  {path}")
    return len(rows)


def _file(folder: Path, analysis: Analysis) -> Path:
    return folder / "analyses" / f"{analysis.name}.jsonl"


def _current(folder: Path, analysis: Analysis) -> bool:
    """Whether an analysis was made after the last training ended, with the arguments that it has."""
    file = _file(folder, analysis)
    if not file.exists():
        return False
    made = file.stat().st_mtime
    if any(table.stat().st_mtime > made for table in folder.rglob("results.jsonl")):
        return False
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    own = _arguments(analysis)
    return not rows or all(_told(value, [row.get(name) for row in rows]) for name, value in own.items())


def _arguments(analysis: Analysis) -> dict[str, Any]:
    """The arguments of an analysis as its rows tell them."""
    told: dict[str, Any] = json.loads(json.dumps(vars(analysis), default=repr))
    return told


def _told(asked: Any, told: Sequence[Any]) -> bool:
    """Whether rows were made with an argument; of several statistics or images each tells one."""
    several = isinstance(asked, list) and not isinstance(told[0], list)
    return list(dict.fromkeys(told)) == asked if several else all(each == asked for each in told)


def _asked(words: Sequence[str]) -> Sequence[Analysis]:
    """The analyses that a command line asks for; none by default."""
    parser = ArgumentParser(exit_on_error=False, prog="lth analyze")
    parser.add_argument("--config", action="config")
    parser.add_argument("--analyses", type=list[Analysis], default=[])
    return list(parser.instantiate(parser.parse_args(list(words))).analyses)


class _Builder:
    """Builds what an experiment's `config.yaml` describes, on the device and in the precision that it trains with."""

    def __init__(self, folder: Path, arguments: Arguments, experiment: Experiment) -> None:
        self.folder, self.arguments = folder, arguments
        points = experiment.points if isinstance(experiment, Study) else []
        self.changes = {str(dict(point.at)): point.changes for point in points}
        self._contexts: dict[str, Callable[[], AbstractContextManager[None]]] = {}

    def __call__(self, seed: int, point: Mapping[str, Any], init: int | None = None) -> Built:
        changes = self.changes.get(str(dict(point)), {})
        build = self.arguments.varied(changes).build if changes else self.arguments.build
        seeds = Seeds.of(seed)
        built = build(seeds, seeds.init if init is None else init)
        built.module.to(quiet_trainer(built.trainer, self.folder, [], 0).strategy.root_device)
        return built

    def precision(self, seed: int, point: Mapping[str, Any]) -> Callable[[], AbstractContextManager[None]]:
        """The context in which networks were evaluated when they were trained."""
        if (known := str(dict(point))) not in self._contexts:  # whatever the seed
            trainer = quiet_trainer(self(seed, point).trainer, self.folder, [], 0)
            self._contexts[known] = trainer.precision_plugin.forward_context
        return self._contexts[known]
