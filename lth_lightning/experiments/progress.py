"""Progress: a live display on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from .base import Ticket


def duration(seconds: float) -> str:
    """A time for people: '8 s', '3 min 20 s', '2 h 05 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def layer_line(note: Mapping[str, Any]) -> str:
    """What became of a layer, from what `Neurons` notes: 'stages.0 keeps 12 of 32 neurons (LocalImitation), ...'."""
    line = f"{note['layer']} keeps {note['kept']} of {note['neurons']} neurons ({note['by']}), "
    line += f"layer changed by {note['layer_change']:.3g}, output by {note['output_change']:.3g}"
    missed = note.get("tolerance_met") is False
    return f"{line}: the tolerance was not met, this is the best that was reached" if missed else line


class TerminalProgress:
    """Tells which training of how many, which round and density, epoch, accuracy, and the time left.

    Args:
        console: Where to; live if it is a terminal.
        total: Number of trainings.
        finished: The names of what has finished, by whatever process.
        every: Seconds between lines of one training when it is no terminal.
    """

    follows_several = True

    def __init__(self, console: Console, total: int, finished: Callable[[], set[str]], every: float = 15.0) -> None:
        self.console = console
        self.total = total
        self.every = every
        self.trained = 0
        self.done = self._before = len(finished())
        self._finished = finished
        self._told_of: set[str] = set()
        self._advised = False
        self._begun = self._told = time.monotonic()
        self._now = threading.local()  # what each thread trains
        self._shares: dict[int, float] = {}  # how far each is
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.fields[count]}[/bold] {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "TerminalProgress":
        self._task = self._live.add_task("", count="", note="", total=1)
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def started(self, ticket: Ticket, name: str, epochs: int) -> None:
        """Show what is trained now."""
        density = "" if ticket.mask is None else f", density {ticket.mask.density:.1%}"
        self._now.what = f"{name} ({ticket.arm.replace('_', ' ')}{density})"
        self._now.epochs = max(1, epochs)
        self._share(0.0)
        self._update("")

    def epoch(self, row: dict[str, Any]) -> None:
        """Show an epoch and its validation accuracy."""
        accuracy = f", validation accuracy {row['val_accuracy']:.2%}" if "val_accuracy" in row else ""
        note = f"epoch {row['epoch']}/{self._now.epochs}{accuracy}"
        self._share(row["epoch"] / self._now.epochs)
        self._update(note)
        if not self.console.is_terminal and time.monotonic() - self._told >= self.every:
            self._print(f"  {self._now.what}: {note}{self._left()}")

    def noted(self, note: Mapping[str, Any]) -> None:
        """A line for a layer whose neurons were chosen; and for advice, once."""
        if "layer" in note:
            self._print(f"  {self._now.what}: {layer_line(note)}{self._left()}")
        if "advice" in note and not self._advised:
            self._advised = True
            self._print(f"  {self._now.what}: {note['advice']}")

    def finished(self, row: dict[str, Any], anew: bool) -> None:
        """A line for a training that has just finished; none for those that were there."""
        self._share(0.0)
        self._end(row["folder"])
        if not anew:
            return
        self.trained += 1
        accuracy = f": test accuracy {row['test_accuracy']:.2%}" if "test_accuracy" in row else ""
        self._print(
            f"{self.done}/{self.total} {row['folder']} ({row['arm'].replace('_', ' ')}, density {row['density']:.2%})"
            f"{accuracy}{self._left()}"
        )

    def failed(self, name: str, why: str) -> None:
        """A line for a training that failed."""
        self._share(0.0)
        self._end(name)
        self._print(f"{self.done}/{self.total} {name} failed: {why}")

    def _end(self, name: str) -> None:
        self._told_of.add(name)
        self.done = len(self._told_of | self._finished())

    def _share(self, share: float) -> None:
        self._shares[threading.get_ident()] = share

    def _left(self) -> str:
        share = sum(self._shares.values())
        trained = self.done - self._before + share
        remaining = self.total - self.done - share
        if trained == 0 or remaining <= 0:
            return ""
        return f", about {duration((time.monotonic() - self._begun) / trained * remaining)} left"

    def _update(self, note: str) -> None:
        self._live.update(
            self._task,
            description=self._now.what,
            count=f"{self.done + 1}/{self.total}",
            note=note + self._left(),
            completed=self._shares[threading.get_ident()],
        )

    def _print(self, line: str) -> None:
        self._told = time.monotonic()
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)
