"""What a finished training leaves: `result.pt` in its folder, and a row of the experiment's `results.jsonl`."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import lightning
import torch

from .. import __version__
from ..files import DamagedFileError, replacing, save, turn
from ..sparsity import Mask, diagnose
from .base import Built, Result, Ticket

SCHEMA = 1


def write_result(folder: Path, mask: Mask, row: Mapping[str, Any]) -> Result:
    """Mark a training as finished; the last file that it writes.

    Args:
        folder: The training's folder.
        mask: The mask that the trained network has.
        row: Plain values.
    """
    save({"row": dict(row), "mask": {name: kept.cpu() for name, kept in mask.items()}}, folder / "result.pt")
    return Result(folder, row)


def read_result(folder: Path) -> Result | None:
    """The result of a training, or None if it has not finished.

    Raises:
        DamagedFileError: If its `result.pt` is damaged.
    """
    path = folder / "result.pt"
    if not path.exists():
        return None
    try:
        there = torch.load(path, weights_only=True)
        Mask(there["mask"])
        return Result(folder, dict(there["row"]))
    except Exception as error:  # torch.load raises what the damaged byte happens to cause
        raise DamagedFileError(
            f"{path} is truncated, or not a result: delete {path}, and the command that began it writes it again"
        ) from error


def describe(
    ticket: Ticket, mask: Mask, curve: Sequence[Mapping[str, Any]], test: Mapping[str, float]
) -> dict[str, Any]:
    """The part of a row that follows from the training itself.

    Args:
        ticket: What was trained.
        mask: The mask that the trained network has.
        curve: The rows of `metrics.jsonl`; the last gives the metrics of the trained network.
        test: Metrics on the test set, read once, after training.
    """
    metrics = {name: value for name, value in curve[-1].items() if name not in ("epoch", "step", "lr")}
    validation = [row["val_accuracy"] for row in curve if "val_accuracy" in row]
    return {
        "arm": ticket.arm,
        "round": ticket.round,
        "density_asked": mask.density if ticket.own else ticket.density,
        "density": mask.kept / (ticket.weights or mask.size),
        "weights_kept": mask.kept,
        "weights": ticket.weights or mask.size,
        **({} if ticket.width is None else {"width": ticket.width}),
        **ticket.labels,
        "epochs": len(curve),
        "epochs_in_all": ticket.spent + len(curve),
        "steps": curve[-1]["step"],
        **metrics,
        **({"val_accuracy_best": max(validation)} if validation else {}),
        **test,
        "layers": {name: list(counts) for name, counts in mask.layers().items()},
    }


def structure(built: Built, mask: Mask) -> dict[str, Any]:
    """The part of a row that says what a mask leaves of the network's graph: nothing for a dense one.

    Args:
        built: What was trained; its data module tells the `input_shape`, or nothing is said.
        mask: The mask that the trained network has.
    """
    shape = built.shape
    if shape is None or mask.kept == mask.size:
        return {}
    found = diagnose(built.module, mask, shape)
    layers = {
        name: {"dead": layer.dead, "disconnected": layer.disconnected, "effective": layer.effective}
        for name, layer in found.layers.items()
    }
    told = {"effective_density": found.effective_density, "collapsed": found.collapsed, "layers": layers}
    return {"structure": told}


@cache
def provenance() -> dict[str, Any]:
    """Versions, and the commit of this package's checkout if it is one."""
    versions = {"lth_lightning": __version__, "torch": str(torch.__version__), "lightning": lightning.__version__}
    here = Path(__file__).resolve().parent
    try:
        git = subprocess.run(
            ["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, check=False, timeout=10
        )
        commit = git.stdout.strip() or None
    except OSError:  # git is not installed
        commit = None
    return {"versions": {**versions, "python": platform.python_version()}, "commit": commit}


def _row(line: str) -> dict[str, Any]:
    """A row, or nothing where a writer was cut off."""
    try:
        row = json.loads(line)
        return row if {"seed", "round", "folder"} <= row.keys() else {}
    except (ValueError, AttributeError):
        return {}


class Ledger:
    """The file `results.jsonl`: one row per finished training, in the order of seed, round and folder.

    It follows from the `result.pt` of the trainings, so that a kill between the two loses nothing. Several processes
    may add to it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Mapping[str, Any]] = {}
        self._text = ""
        self._read: tuple[int, int] | None = None
        self._reread()

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a training's row, once; what a writer left in pieces is written again."""
        with turn(self.path.parent):
            self._reread()
            self.rows[row["folder"]] = row
            ordered = sorted(self.rows.values(), key=lambda row: (row["seed"], row["round"], row["folder"]))
            text = "".join(json.dumps(row) + "\n" for row in ordered)
            if text != self._text:
                with replacing(self.path) as partial:
                    partial.write_text(text)

    def _reread(self) -> None:
        """Know what is in the file, if it is not the one that was read last."""
        try:
            with self.path.open(errors="replace") as file:
                there = os.fstat(file.fileno())
                if self._read == (there.st_ino, there.st_mtime_ns):
                    return
                self._read, self._text = (there.st_ino, there.st_mtime_ns), file.read()
        except FileNotFoundError:
            self._read, self._text = None, ""
        rows = [row for row in map(_row, self._text.splitlines()) if row]
        self.rows = {row["folder"]: row for row in rows}


def recorded(table: Path, results: Sequence[Path], root: Path) -> bool:
    """Whether trainings have finished and have rows: a kill may have come between the two.

    Args:
        table: The file `results.jsonl`.
        results: The `result.pt` of each.
        root: The experiment's folder.
    """
    rows = Ledger(table).rows
    return all(each.exists() and each.parent.relative_to(root).as_posix() in rows for each in results)
