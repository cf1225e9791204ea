"""How far an experiment is: read from its folder, nothing is trained or changed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..files import in_use
from .base import Experiment
from .failed import noted
from .progress import duration
from .study import Study


@dataclass(frozen=True)
class Status:
    """How far a part of an experiment is.

    Args:
        name: Which part; its folder within the experiment's.
        trainings: Number of trainings in all.
        done: Names of finished trainings.
        failed: Name -> reason of those that failed.
        begun: Name -> number of finished epochs of those that have begun and neither finished nor failed.
        seconds: Wall time of each finished training that tells it.
        running: Whether a process is at it.
    """

    name: str
    trainings: int
    done: Sequence[str]
    failed: dict[str, str]
    begun: dict[str, int]
    seconds: Sequence[float]
    running: bool

    @property
    def left(self) -> int:
        """How many of all trainings have neither finished nor failed."""
        return max(0, self.trainings - len(self.done) - len(self.failed))


def status(folder: Path, name: str, trainings: int) -> Status:
    """Read how far a part is.

    Args:
        folder: The experiment's folder.
        name: The part's folder within it, which a process holds that is at it.
        trainings: Number of trainings in all.
    """
    here = folder / name
    done = sorted(path.parent for path in here.rglob("result.pt"))
    failed = {path.parent: noted(path.parent) or "" for path in here.rglob("failed.json")}
    curves = {path.parent: path for path in here.rglob("metrics.jsonl")}
    begun = {where: curves[where].read_text().count("\n") for where in sorted(curves)}
    return Status(
        name,
        trainings,
        [_name(where, folder) for where in done],
        {_name(where, folder): why for where, why in failed.items()},
        {_name(where, folder): epochs for where, epochs in begun.items() if where not in {*done, *failed}},
        [seconds for where in done if (seconds := _seconds(where)) is not None],
        in_use(here),
    )


def every(folder: Path, seeds: Sequence[int], experiment: Experiment) -> list[Status]:
    """All replicates, or of a study all its parts and what they share.

    Args:
        folder: The experiment's folder.
        seeds: Its replicates.
        experiment: What it is.
    """
    if not isinstance(experiment, Study):
        return [status(folder, f"seed-{seed}", experiment.trainings) for seed in seeds]
    places = {place: 1 for place in experiment.in_common} | {part.name: part.trainings for part in experiment.parts}
    return [
        status(folder, f"seed-{seed}/{place}", trainings)
        for seed in seeds
        for place, trainings in sorted(places.items())
    ]


def told(folder: Path, seeds: Sequence[int], experiment: Experiment) -> list[str]:
    """Lines for people.

    Args:
        folder: The experiment's folder.
        seeds: Its replicates.
        experiment: What it is.
    """
    parts = every(folder, seeds, experiment)
    lines = [line for part in parts for line in _of(part, isinstance(experiment, Study))]
    if isinstance(experiment, Study):
        running = sum(part.running for part in parts)
        processes = f", in {running} processes" if running > 1 else ", in 1 process" if running else ""
        lines.append(f"in all: {_counts(parts)}{processes}")
    seconds = [value for part in parts for value in part.seconds]
    left, at_once = sum(part.left for part in parts), max(1, sum(part.running for part in parts))
    if left and seconds:
        lines.append(f"about {duration(left * sum(seconds) / len(seconds) / at_once)} left, at the pace so far")
    if any(part.failed for part in parts):
        lines.append("the same command with --retry true tries again what failed, and what depends on it")
    return lines


def _of(part: Status, brief: bool) -> list[str]:
    """A line for a part, and one for each of its trainings that is under way or failed."""
    if brief and (part.trainings == len(part.done) or not (part.running or part.done or part.failed or part.begun)):
        return []
    seed = part.name.removeprefix("seed-")
    name = f"seed {seed}" if seed.isdecimal() else part.name
    now = "running" if part.running else "interrupted"
    return [
        f"{name}: {_counts([part])}",
        *(f"  {now}: {training}, {epochs} epochs done" for training, epochs in part.begun.items()),
        *(f"  failed: {training} ({why})" for training, why in part.failed.items()),
    ]


def _counts(parts: Sequence[Status]) -> str:
    done, failed = sum(len(part.done) for part in parts), sum(len(part.failed) for part in parts)
    trainings, left = sum(part.trainings for part in parts), sum(part.left for part in parts)
    return f"{done} of {trainings} done, {failed} failed, {left} to do"


def _name(where: Path, folder: Path) -> str:
    return where.relative_to(folder).as_posix()


def _seconds(where: Path) -> float | None:
    try:
        return float(json.loads((where / "timing.json").read_text())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
