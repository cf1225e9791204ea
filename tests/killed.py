"""`lth` in a process of its own, which can be killed, and a record of the trainings that it began."""

import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer

from lth_lightning.training import LastCheckpoint

# forks of a process that has imported everything: a start costs a fraction of a second
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["lth_lightning.commands"])


class Lth:
    """A command that was started.

    Args:
        place: Its working directory; what it prints and begins is recorded beside it.
        words: The words after `lth`.
        name: Tells it from others that run in that directory.
    """

    def __init__(self, place: Path, words: list[str], name: str = "") -> None:
        here = place.with_name(f"{place.name}{name}")
        self.record, self.output = (here.with_name(f"{here.name}.{what}") for what in ("record", "output"))
        self.record.write_text("")
        place.mkdir(exist_ok=True)
        # not that of the server at its start, nor W&B's process, which ends with the test that began it
        surroundings = {key: value for key, value in os.environ.items() if key != "WANDB_SERVICE"}
        self.process = CONTEXT.Process(target=_run, args=(place, self.record, self.output, words, surroundings))
        self.process.start()

    def finish(self) -> None:
        """Let it run to its end."""
        self.process.join()
        assert self.process.exitcode == 0, self.output.read_text()

    def begun(self) -> bool:
        """Whether it has begun to train."""
        return bool(self.trainings)

    def kill(self, seconds: float, once: Callable[["Lth"], bool] = lambda lth: True) -> bool:
        """Kill it that many seconds after `once` holds; returns whether that was before its end."""
        while not once(self) and self.process.is_alive():
            time.sleep(0.002)
        self.process.join(seconds)
        self.process.kill()
        self.process.join()
        assert self.process.exitcode in (0, -signal.SIGKILL), self.output.read_text()
        return self.process.exitcode != 0

    @property
    def trainings(self) -> list[tuple[str, int]]:
        """Folder and step of every training that it began."""
        whole_lines = [line for line in self.record.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(folder, int(step)) for folder, step in map(str.split, whole_lines)]


def _run(place: Path, record: Path, output: Path, words: list[str], surroundings: dict[str, str]) -> None:
    """What the process does."""
    os.environ.clear()
    os.environ.update(surroundings)

    from lth_lightning.cli import main

    torch.set_num_threads(1)
    os.environ["GIT_DIR"] = "none"  # results name the commit, which may be another one by the next start
    os.chdir(place)
    sys.argv = ["lth", *words]
    sys.stdout = sys.stderr = output.open("w", buffering=1)
    begin = LastCheckpoint.on_train_start

    def recorded(self: LastCheckpoint, trainer: Trainer, module: LightningModule) -> None:
        begin(self, trainer, module)
        with record.open("a") as file:
            file.write(f"{self.path.parent} {trainer.global_step}\n")

    LastCheckpoint.on_train_start = recorded
    sys.exit(main())
