"""`--jobs`: a study shared among processes of this machine, which type the same command."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from .experiments.progress import TerminalProgress
from .preemption import StoppedError, stop_if_asked
from .report.rows import finished
from .training.devices import environments

POLL_SECONDS = 1.0


def share(words: Sequence[str], folder: Path, count: int, progress: TerminalProgress) -> None:
    """Let so many processes do what is left of a study; tell of every training that one of them has finished.

    What they print is in `jobs/1.log`... of the study's folder. Each has its share of the processor's threads, and of
    several GPUs one. A signal that asks this process to stop is passed on.

    Args:
        words: The words after `lth run`, without --jobs.
        folder: The study's folder.
        count: How many processes.
        progress: Told of rows.

    Raises:
        StoppedError: If a signal asks to stop, once all have saved and ended.
    """
    seen = {row["folder"] for row in finished(folder)[0]}
    with _started(words, folder / "jobs", count) as processes:
        while running := [process for process in processes if process.poll() is None]:
            try:
                stop_if_asked()
            except StoppedError as stop:
                for process in running:
                    process.send_signal(stop.by)
                raise
            time.sleep(POLL_SECONDS)
            _tell(folder, seen, progress)
        _tell(folder, seen, progress)  # of what ended since


@contextmanager
def _started(words: Sequence[str], logs: Path, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    logs.mkdir(exist_ok=True)
    around = environments(count, os.environ, len(os.sched_getaffinity(0)), torch.cuda.device_count())
    files = [(logs / f"{number}.log").open("ab") for number in range(1, count + 1)]
    command = [sys.executable, "-m", "lth_lightning", "run", *words]
    processes = [
        subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=own)
        for file, own in zip(files, around, strict=True)
    ]
    try:
        yield processes
    except StoppedError:
        raise
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    finally:
        for process, file in zip(processes, files, strict=True):
            process.wait()
            file.close()


def _tell(folder: Path, seen: set[str], progress: TerminalProgress) -> None:
    for row in finished(folder)[0]:
        if row["folder"] not in seen:
            seen.add(row["folder"])
            progress.finished(row, anew=True)
