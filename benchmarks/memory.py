"""Whether memory grows over the rounds of an experiment: `python -m benchmarks.memory`, or with a number of rounds.

Iterative pruning of a small convolutional network on digits, with a control in each round, in one process.
"""

import logging
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import linear_regression
from typing import Any

import torch

from lth_lightning import garbage
from lth_lightning.data import Digits
from lth_lightning.experiments import Built, IterativePruning, Reinitialised, Ticket
from lth_lightning.experiments.runner import Run
from lth_lightning.models import Conv
from lth_lightning.training import Classifier, Seeds, seeded

BEFORE = 10  # trainings in which what is used again is made for the first time


class Resident:
    """An observer that notes the MiB in memory after each training."""

    follows_several = True

    def __init__(self) -> None:
        self.sizes: list[float] = []

    def started(self, ticket: Ticket, name: str, epochs: int) -> None:
        """Nothing."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Nothing."""

    def noted(self, note: Mapping[str, Any]) -> None:
        """Nothing."""

    def failed(self, name: str, why: str) -> None:
        """Nothing."""

    def finished(self, row: dict[str, Any], anew: bool) -> None:
        """Note it."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.sizes.append(pages * 4096 / 2**20)

    @contextmanager
    def watch(self, folder: Path) -> Iterator[list["Resident"]]:
        """Watch the trainings in a folder."""
        yield [self]

    @property
    def slope(self) -> float:
        """MiB that a training adds, after the first ones."""
        later = self.sizes[BEFORE:]
        return linear_regression(range(len(later)), later).slope


def build(seeds: Seeds, init: int, width: float | None = None) -> Built:
    """Conv-2, whose weights are 1.4 MiB and its checkpoints three times that, for an epoch."""
    with seeded("init", init):
        module = Classifier(Conv(2, channels=1, size=8), torch.optim.Adam)
    data = Digits(batch_size=60, order_seed=seeds.order, augment_seed=seeds.augment)
    return Built(module, data, {"max_epochs": 1, "accelerator": "cpu", "callbacks": []})


def measured(folder: Path, rounds: int) -> Resident:
    """What rounds with a control each leave in memory."""
    resident = Resident()
    experiment = IterativePruning(rounds=rounds, keep=0.04 ** (1 / rounds), controls=[Reinitialised()])
    garbage.set_apart()  # as a command does with what it has imported
    Run(experiment, build, folder, {}).run(resident.watch)
    return resident


if __name__ == "__main__":
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # it has a line of advertising per Trainer
    with tempfile.TemporaryDirectory() as place:
        found = measured(Path(place), int(sys.argv[1]) if sys.argv[1:] else 20)
    print(" ".join(f"{size:.0f}" for size in found.sizes), "MiB after each training")
    print(f"{found.slope:+.3f} MiB a training, from number {BEFORE} on (n = {len(found.sizes) - BEFORE})")
