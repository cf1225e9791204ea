"""Trainings that failed: diverged, or out of memory. They are noted, do not stop others, and are retried when asked."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..files import replacing

NOTE = "failed.json"


class DivergedError(RuntimeError):
    """The training loss is no number any more."""


class FailedTrainingError(RuntimeError):
    """A training failed, now or when it was tried before."""


def refuse_divergence(row: Mapping[str, Any]) -> None:
    """Raise a DivergedError if the training loss of an epoch is not finite.

    Args:
        row: The epoch's row of `metrics.jsonl`.
    """
    loss = row.get("train_loss", 0.0)
    if not math.isfinite(loss):
        raise DivergedError(
            f"diverged: the training loss is {loss} in epoch {row['epoch']}; lower the learning rate, or warm up"
        )


def reason(error: BaseException) -> str | None:
    """Why a training failed, if others may well succeed; None if everything should stop."""
    if isinstance(error, DivergedError):
        return str(error)
    memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    return f"out of memory: {error}; lower data.batch_size" if memory else None


def note(folder: Path, why: str) -> None:
    """Note in a training's folder that it failed."""
    with replacing(folder / NOTE) as partial:
        partial.write_text(json.dumps({"reason": why}) + "\n")


def noted(folder: Path) -> str | None:
    """Why a training failed when it was last tried; None if it did not."""
    try:
        return str(json.loads((folder / NOTE).read_text())["reason"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return "for a reason that its note does not tell any more"


def forget(folder: Path) -> None:
    """Let a training be tried again."""
    (folder / NOTE).unlink(missing_ok=True)
