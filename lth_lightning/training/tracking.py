"""Curves in Weights & Biases, rebuilt from the local files whenever they disagree. The only file that imports wandb."""

import json
import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any, Literal

from ..files import replacing

Row = dict[str, Any]


def track(mode: Literal["wandb", "offline"], folder: Path, config: Row, say: Callable[[str], None]) -> "WandbTracker":
    """A tracker for an experiment; without an account it says so and records offline.

    Args:
        mode: 'wandb' to upload as it goes, 'offline' to record under `folder/wandb` without any network.
        folder: The experiment's folder; its name is the W&B group.
        config: The resolved configuration.
        say: Prints a sentence.
    """
    import wandb

    upload = f"upload it when you like with: wandb sync --include-offline {folder}/wandb/offline-run-*"
    if mode == "wandb" and os.environ.get("WANDB_MODE", "online") != "online":
        mode = "offline"
    if mode == "wandb" and not (os.environ.get("WANDB_API_KEY") or wandb.setup().settings.api_key):
        say(f"no W&B account on this machine ('wandb login' makes one known), so curves are recorded offline; {upload}")
        mode = "offline"
    elif mode == "offline":
        say(f"W&B curves are recorded offline under {folder}/wandb; {upload}")
    return WandbTracker("online" if mode == "wandb" else "offline", folder, config)


class WandbTracker:
    """One W&B run per training, grouped by experiment, and one overview of accuracy against density.

    A training's id is a token of the experiment's folder and the training's name in it, so a killed and restarted
    training continues its own curve. Offline, where W&B cannot continue a run, the run is written anew from the
    rows before.

    Args:
        mode: 'online' or 'offline'.
        folder: The experiment's folder.
        config: The resolved configuration.
    """

    def __init__(self, mode: Literal["online", "offline"], folder: Path, config: Row) -> None:
        self.mode: Literal["online", "offline"] = mode
        self.folder = folder
        self.config = config
        self._state_file = folder / "wandb.json"
        state = json.loads(self._state_file.read_text()) if self._state_file.exists() else {}
        self._token: str = state.get("token") or secrets.token_hex(4)
        self._done: set[str] = set(state.get("done", []))
        self._rows: list[Row] = []
        self._run: Any = None
        self._logged = 0
        self._save()

    def started(self, ticket: Any, name: str, epochs: int) -> None:
        """Open or continue the run of a training.

        Args:
            ticket: What is trained; its `arm`, `round` and `mask` become columns.
            name: The training's folder in the experiment's.
            epochs: The epoch it ends at.
        """
        density = 1.0 if ticket.mask is None else ticket.mask.density
        self._open(name, ticket.arm, {"arm": ticket.arm, "round": ticket.round, "density": density})

    def epoch(self, row: Row) -> None:
        """Log an epoch, unless the run has it already."""
        if self._run is not None and row["epoch"] > self._logged:
            self._run.log({key: value for key, value in row.items() if key != "epoch"} | {"epoch": row["epoch"]})
            self._logged = row["epoch"]

    def finished(self, row: Row, anew: bool) -> None:
        """Close the run of a training; write it from its files if it is not there."""
        self._rows.append(row)
        name = row["folder"]
        if name in self._done:
            return
        if self._run is None:
            self._open(name, row["arm"], {key: row[key] for key in ("arm", "round", "density")})
            for line in (self.folder / name / "metrics.jsonl").read_text().splitlines():
                self.epoch(json.loads(line))
        self._run.summary.update({key: value for key, value in row.items() if isinstance(value, int | float | str)})
        self._close()
        self._done.add(name)
        self._save()

    def close(self) -> None:
        """Write the overview: test accuracy of each arm, mean over seeds, against the round and the density."""
        self._close()
        if not self._rows:
            return
        cells: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        densities: dict[int, list[float]] = defaultdict(list)
        for row in self._rows:
            if "test_accuracy" in row:
                cells[row["round"]][row["arm"]].append(row["test_accuracy"])
                densities[row["round"]].append(row["density"])
        self._open("overview", "overview", {}, resume=False)
        dense = cells.get(0, {}).get("dense")
        for number in sorted(cells):
            arms = {f"accuracy_by_round/{arm}": mean(values) for arm, values in cells[number].items()}
            if dense:
                arms["accuracy_by_round/dense"] = mean(dense)
            self._run.log({"pruning_round": number, "density": mean(densities[number]), **arms})
        self._close()

    def _open(self, name: str, arm: str, columns: Row, resume: bool = True) -> None:
        import wandb

        identity = f"{self._token}-{name.replace('/', '-')}"
        if self.mode == "offline":
            for old in (self.folder / "wandb").glob(f"offline-run-*-{identity}"):
                shutil.rmtree(old)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "lth_lightning"),
            dir=str(self.folder),
            id=identity,
            name=name,
            group=self.folder.name,
            job_type=arm,
            config={**self.config, **columns},
            mode=self.mode,
            resume="allow" if resume and self.mode == "online" else None,
            reinit="finish_previous",
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True, disable_git=True),
        )
        self._run.define_metric("epoch")
        self._run.define_metric("*", step_metric="pruning_round" if name == "overview" else "epoch")
        self._logged = int(self._run.summary.get("epoch") or 0) if self._run.resumed else 0

    def _close(self) -> None:
        if self._run is not None:
            self._run.finish()
            self._run = None

    def _save(self) -> None:
        with replacing(self._state_file) as partial:
            partial.write_text(json.dumps({"token": self._token, "done": sorted(self._done)}))
