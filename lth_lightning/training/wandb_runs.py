"""Runs of Weights & Biases: where they go, and how one is opened and closed. The only file that imports wandb."""

import os
import shlex
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import wandb

OPEN_SECONDS = 20  # after these times a run goes on offline
UPLOAD_SECONDS = 60
Mode = Literal["online", "offline"]
Row = Mapping[str, Any]


def obstacle() -> str:
    """Why nothing can be uploaded; empty if it can. Takes seconds at most, and asks nothing."""
    wandb.setup(wandb.Settings(silent=True))
    try:
        known = wandb.login(prompt=False, verify=True)
    except Exception as error:  # a bad key, no network...
        return brief(error)
    return "" if known else "no W&B account is known here ('wandb login' makes one known)"


def brief(error: Exception) -> str:
    """A failure of W&B, in a few words."""
    return f"W&B failed ({(str(error) or type(error).__name__).splitlines()[0]})"


class WandbRuns:
    """The runs of an experiment, of which one is open at a time.

    WANDB_PROJECT and WANDB_DIR are respected.

    Args:
        folder: The experiment's folder; its name is the group, and it holds `wandb/` unless WANDB_DIR is set.
        token: Ends the runs' ids, so that equal names in other experiments are other runs.
        config: The resolved configuration.
        part: What they are of the experiment; empty for all of it. A part has a `wandb/` of its own in the common one.
    """

    def __init__(self, folder: Path, token: str, config: Row, part: str = "") -> None:
        self.group = folder.absolute().name
        self.project = os.environ.get("WANDB_PROJECT") or "lth_lightning"
        self._common = Path(os.environ.get("WANDB_DIR") or folder).absolute() / "wandb"
        self.local = self._common / part.replace("/", "-") / "wandb" if part else self._common
        self._part = part
        self.token = token
        self.config = config
        self.run: Any = None
        self._next = 0

    @property
    def upload(self) -> str:
        """The command that uploads what was recorded offline."""
        return f"wandb sync {shlex.quote(str(self._common))}{'/*/wandb' if self._part else ''}"

    def on_disk(self, name: str) -> list[Path]:
        """The folders of a run on this disk."""
        return list(self.local.glob(f"*run-*-{self._id(name)}"))

    def open(self, name: str, arm: str, columns: Row, mode: Mode, axis: str = "epoch", resume: bool = True) -> None:
        """Open a run, in place of what is on this disk of it.

        Online it continues where the server has it; offline, where W&B cannot continue a run, it begins anew.

        Args:
            name: Its name, unique in the experiment.
            arm: Its job type.
            columns: Configuration of its own.
            mode: Whether to upload.
            axis: The metric that the others are drawn against.
            resume: Whether to continue it; else it is begun anew online too.
        """
        for old in self.on_disk(name):
            shutil.rmtree(old)
        self.local.mkdir(parents=True, exist_ok=True)  # or wandb writes elsewhere
        if mode == "offline":
            wandb.setup(wandb.Settings(mode="offline", silent=True))  # or wandb's own process reports to its maker
        self.run = wandb.init(
            project=self.project,
            dir=str(self.local.parent),
            id=self._id(name),
            name=name,
            group=self.group,
            job_type=arm,
            config={**self.config, **columns},
            mode=mode,
            resume="allow" if resume and mode == "online" else None,
            reinit="create_new",  # leaves a WandbLogger of the config alone
            settings=_settings(),
        )
        self.run.define_metric("*", step_metric=axis)
        self._next = self.run.starting_step

    def log(self, values: Row, step: int) -> None:
        """Log to the open run, if there is one and it does not have that step already."""
        if self.run is not None and step >= self._next:
            self.run.log(dict(values), step=step, commit=True)
            self._next = step + 1

    def close(self, summary: Row | None = None, columns: Row | None = None, failed: bool = False) -> None:
        """Finish the open run, if there is one.

        Args:
            summary: Its results; what is no plain value is left out.
            columns: Configuration that is known only now.
            failed: Whether it was cut.
        """
        if self.run is None:
            return
        self.run.config.update(dict(columns or {}), allow_val_change=True)
        plain = {key: value for key, value in (summary or {}).items() if isinstance(value, int | float | str)}
        self.run.summary.update(plain)
        self.run.finish(exit_code=int(failed))
        self.run = None

    def abandon(self) -> None:
        """Drop the open run and wandb's own process, which keeps the id of a failed run in use until it ends."""
        self.run = None
        with suppress(Exception):
            wandb.teardown(exit_code=1)

    def _id(self, name: str) -> str:
        return f"{name.replace('/', '-')}-{self.token}"


def _settings() -> wandb.Settings:
    """Silent, with time limits, and without what takes time: 0.05 s a run instead of 0.2 s."""
    return wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        use_dot_wandb=False,
        init_timeout=OPEN_SECONDS,
        finish_timeout=UPLOAD_SECONDS,
        finish_timeout_raises=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
