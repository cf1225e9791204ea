"""`--jobs`: an experiment shared among processes of this machine, which type the same command."""

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
from .report.rows import Row, is_finished, objects, tables
from .training.devices import environments

POLL_SECONDS = 1.0


def share(words: Sequence[str], folder: Path, count: int, progress: TerminalProgress) -> None:
    """Let so many processes do what is left; tell of every training that one of them has finished.

    What they print is in the experiment's folder, in `jobs/1.log`... Each has its share of the processor's threads, and
    of several GPUs one. A signal that asks this process to stop is passed on.

    Args:
        words: The words after `lth run`, without --jobs.
        folder: The experiment's folder.
        count: How many processes.
        progress: Told of rows.

    Raises:
        StoppedError: If a signal asks to stop, once all have saved and ended.
    """
    news = _News(folder)
    news.told()  # nobody needs to hear of what was there before
    with _started(words, folder / "jobs", count) as processes:
        while running := [process for process in processes if process.poll() is None]:
            try:
                stop_if_asked()
            except StoppedError as stop:
                for process in running:
                    process.send_signal(stop.by)
                raise
            time.sleep(POLL_SECONDS)
            _tell(news, progress)
        _tell(news, progress)  # of what ended since


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


def _tell(news: "_News", progress: TerminalProgress) -> None:
    for row in news.told():
        progress.finished(row, anew=True)


class _News:
    """The rows of an experiment, each told once; a table that has not changed is not read again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        self._told: set[str] = set()

    def told(self) -> list[Row]:
        """Rows that were not there before."""
        changed = {table: table.stat().st_mtime_ns for table in tables(self._folder)}
        rows = [row for table in changed if changed[table] != self._read.get(table) for _, row in objects(table)]
        anew = [row for row in rows if is_finished(row) and row["folder"] not in self._told]
        self._read = changed
        self._told |= {row["folder"] for row in anew}
        return anew
