"""The file `timing.json` of a training: wall times, the one thing in which equal runs differ."""

import json
import time
from pathlib import Path
from typing import Any

import torch

from ..files import rewrite


def now(device: torch.device) -> float:
    """The time in seconds, once a device is done with what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def noted(path: Path, name: str = "seconds") -> float:
    """The seconds that are noted there under a name; none where there are none."""
    return float(read(path).get(name, 0))


def read(path: Path) -> dict[str, Any]:
    """All that is noted there."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def note(path: Path, name: str, value: float | dict[str, Any]) -> None:
    """Note a wall time, beside what others have noted.

    Args:
        path: The file; its folder is made.
        name: Of what took the time: 'seconds' is the training as a whole.
        value: How long it took, in seconds; or several values.
    """
    there = read(path)
    rewrite(path, json.dumps({**there, name: round(value, 3) if isinstance(value, float) else value}))
