"""How far an experiment is: read from its folder, nothing is trained or changed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..files import in_use
from .failed import noted
from .progress import duration


@dataclass(frozen=True)
class Status:
    """How far one replicate is.

    Args:
        done: Names of finished trainings.
        failed: Name -> reason of those that failed.
        begun: Name -> number of finished epochs of those that have begun and neither finished nor failed.
        seconds: Wall time of each finished training that tells it.
    """

    done: Sequence[str]
    failed: dict[str, str]
    begun: dict[str, int]
    seconds: Sequence[float]

    def left(self, trainings: int) -> int:
        """How many of all trainings have neither finished nor failed."""
        return max(0, trainings - len(self.done) - len(self.failed))


def status(folder: Path, seed: int) -> Status:
    """Read how far a replicate is.

    Args:
        folder: The experiment's folder.
        seed: The replicate.
    """
    here = folder / f"seed-{seed}"
    done = sorted(path.parent for path in here.rglob("result.pt"))
    failed = {path.parent: noted(path.parent) or "" for path in here.rglob("failed.json")}
    curves = {path.parent: path for path in here.rglob("metrics.jsonl")}
    begun = {where: curves[where].read_text().count("\n") for where in sorted(curves)}
    return Status(
        [_name(where, folder) for where in done],
        {_name(where, folder): why for where, why in failed.items()},
        {_name(where, folder): epochs for where, epochs in begun.items() if where not in {*done, *failed}},
        [seconds for where in done if (seconds := _seconds(where)) is not None],
    )


def told(folder: Path, seeds: Sequence[int], trainings: int) -> list[str]:
    """Lines for people.

    Args:
        folder: The experiment's folder.
        seeds: Its replicates.
        trainings: Number of trainings of each.
    """
    running = in_use(folder)
    every = {seed: status(folder, seed) for seed in seeds}
    lines = []
    for seed, one in every.items():
        counts = f"{len(one.done)} of {trainings} done, {len(one.failed)} failed, {one.left(trainings)} to do"
        lines.append(f"seed {seed}: {counts}")
        now = "running" if running else "interrupted"
        lines += [f"  {now}: {name}, {epochs} epochs done" for name, epochs in one.begun.items()]
        lines += [f"  failed: {name} ({why})" for name, why in one.failed.items()]
    seconds = [value for one in every.values() for value in one.seconds]
    left = sum(one.left(trainings) for one in every.values())
    if left and seconds:
        lines.append(f"about {duration(left * sum(seconds) / len(seconds))} left, at the pace so far")
    if any(one.failed for one in every.values()):
        lines.append("the same command with --retry true tries again what failed, and what depends on it")
    return lines


def _name(where: Path, folder: Path) -> str:
    return where.relative_to(folder).as_posix()


def _seconds(where: Path) -> float | None:
    try:
        return float(json.loads((where / "timing.json").read_text())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
