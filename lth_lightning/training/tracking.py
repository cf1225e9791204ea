"""Curves of an experiment in Weights & Biases, rebuilt from the local files whenever they disagree."""

import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from .overview import overview
from .wandb_runs import Row, WandbRuns, brief, obstacle
from .wandb_state import changing, read

Say = Callable[[str], None]


def track(mode: Literal["wandb", "offline"], folder: Path, config: Row, say: Say) -> "WandbTracker | None":
    """A tracker for an experiment; where W&B cannot be reached it says so and records offline.

    WANDB_MODE is respected: 'offline' keeps 'wandb' from uploading, and with 'disabled' nothing is recorded.

    Args:
        mode: 'wandb' to upload as it goes, 'offline' to record without any network.
        folder: The experiment's folder.
        config: The resolved configuration.
        say: Prints a sentence.
    """
    wish = os.environ.get("WANDB_MODE") or "online"
    if wish == "disabled":
        say("WANDB_MODE=disabled, so no W&B curves are recorded")
        return None
    reason = "--track offline" if mode == "offline" else f"WANDB_MODE={wish}" if wish != "online" else obstacle()
    return WandbTracker(folder, config, say, offline=reason)


class WandbTracker:
    """One W&B run per training, grouped by experiment, and per arm an overview: accuracy against density.

    Ids are stable: a killed and restarted training continues its own curve. What a run lacks when its training is
    finished comes from `metrics.jsonl`. A failure of W&B costs curves, never a training.

    Args:
        folder: The experiment's folder.
        config: The resolved configuration.
        say: Prints a sentence.
        offline: Why not to upload; empty to upload.
        part: What it tracks of the experiment, such as 'seed-0/imp'; empty for all of it.
    """

    follows_several = False

    def __init__(self, folder: Path, config: Row, say: Say, offline: str = "", part: str = "") -> None:
        self.folder = folder
        self.say = say
        self.part = part
        self._config = config
        self._file = folder / part / "wandb.json"
        with changing(self._file) as state:  # the token is kept before the first id is made of it
            token = state.setdefault("token", secrets.token_hex(4))
        self._runs = WandbRuns(folder, token, config, part)
        self._mode: Literal["online", "offline"] = "online"
        self._given_up = False
        if part:
            self._mode = "offline" if offline else "online"
        elif offline:
            self._go_offline(offline)
        else:
            say(f"W&B curves are uploaded to the group '{self._runs.group}' of the project '{self._runs.project}'")

    def of(self, part: str) -> "WandbTracker":
        """A tracker for a part of the experiment that one process does, while others do others."""
        return WandbTracker(self.folder, self._config, self.say, "offline" * (self._mode == "offline"), part)

    def started(self, ticket: Any, name: str, epochs: int) -> None:
        """Open or continue the run of a training.

        Args:
            ticket: What is trained; its `arm`, `round` and density become columns.
            name: The training's folder in the experiment's.
            epochs: The epoch it ends at.
        """
        density = ticket.density if ticket.mask is None else ticket.mask.density
        self._attempt(lambda: self._open(name, {"arm": ticket.arm, "round": ticket.round, "density": density}))

    def epoch(self, row: Row) -> None:
        """Log an epoch, unless the run has it already."""
        self._attempt(lambda: self._runs.log(row, row["epoch"]))

    def noted(self, note: Mapping[str, Any]) -> None:
        """Nothing: it is in the row."""

    def finished(self, row: Row, anew: bool) -> None:
        """Close the run of a training; write it from the local files if it is not there."""
        self._attempt(lambda: self._finish(row))

    def failed(self, name: str, why: str) -> None:
        """End the run of a training that failed."""
        self._attempt(lambda: self._runs.close(failed=True))

    def analysed(self, name: str, axis: str, curves: Mapping[str, Sequence[tuple[float, float]]], anew: bool) -> None:
        """A run with the curves of an analysis.

        Args:
            name: Of the analysis.
            axis: What its curves are drawn against, such as 'alpha'.
            curves: Label -> places and values.
            anew: Whether it was made just now; else a run that is there is left.
        """
        run = f"analysis/{name}"
        if curves and (anew or read(self._file)["done"].get(run) != self._mode):
            self._attempt(lambda: self._draw(run, axis, curves))

    def _draw(self, run: str, axis: str, curves: Mapping[str, Sequence[tuple[float, float]]]) -> None:
        places: dict[float, dict[str, Any]] = {}
        for label, curve in curves.items():
            for place, value in curve:
                places.setdefault(place, {axis: place})[label] = value
        self._runs.open(run, "analysis", {"arm": run}, self._mode, axis=axis, resume=False)
        for number, place in enumerate(sorted(places)):
            self._runs.log(places[place], number)
        self._runs.close()
        self._has(run)

    def close(self) -> None:
        """End the run of a training that was cut, and write the overviews."""
        self._attempt(self._overviews)

    def _open(self, name: str, columns: Row) -> None:
        self._runs.open(name, columns["arm"], columns, self._mode)

    def _finish(self, row: Row) -> None:
        name = row["folder"]
        there = read(self._file)["done"].get(name)
        if there == "online" or (there == self._mode and self._runs.on_disk(name)):
            return
        columns = {key: row[key] for key in ("experiment", "seed", "arm", "round", "density")}
        if self._runs.run is None:
            self._open(name, columns)
        for line in (self.folder / name / "metrics.jsonl").read_text().splitlines():
            epoch = json.loads(line)
            self._runs.log(epoch, epoch["epoch"])
        self._runs.close(row, columns)
        self._has(name)

    def _has(self, run: str) -> None:
        with changing(self._file) as state:
            state["done"][run] = self._mode

    def _overviews(self) -> None:
        """Draw what all processes have finished; the last of them to end draws all of it."""
        self._runs.close(failed=True)
        with changing(self._file) as state:
            table = self._file.with_name("results.jsonl")
            rows = [json.loads(line) for line in table.read_text().splitlines()] if table.exists() else []
            curves = json.loads(json.dumps(overview(rows)))
            if self._mode == "online" and state["overviews"] == curves:
                return
            for arm, curve in curves.items():
                name = "/".join(filter(None, ["overview", self.part, arm]))
                self._runs.open(name, "overview", {"arm": arm}, self._mode, axis="density", resume=False)
                for number, density, accuracy in curve:
                    self._runs.log({"density": density, "mean_test_accuracy": accuracy}, number)
                self._runs.close()
            if self._mode == "online":
                state["overviews"] = curves

    def _attempt(self, action: Callable[[], None]) -> None:
        """Act online, or else offline, or else not at all: training goes on."""
        while not self._given_up:
            try:
                return action()
            except Exception as error:
                self._runs.abandon()
                if self._mode == "online":
                    self._go_offline(brief(error))
                else:
                    self._given_up = True
                    self.say(f"{brief(error)}: no more curves now; the same command line adds later what is missing")

    def _go_offline(self, reason: str) -> None:
        self._mode = "offline"
        self.say(f"{reason}, so W&B curves are recorded on this disk; to upload them: {self._runs.upload}")
