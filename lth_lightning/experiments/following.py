"""Processes of other devices, which train along with the first; it begins them by the command that it was begun by."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import torch.distributed as dist
from lightning.pytorch import Trainer

from ..preemption import StoppedError
from ..training.ranks import told
from .failed import DivergedError

Process = subprocess.Popen[bytes]
PATIENCE = 5.0  # seconds; the first process ends the others sooner where it fails as they do


def join(trainer: Trainer, words: Sequence[str]) -> list[Process]:
    """Make this one of the processes that train together; the first of a machine begins the others, if nobody did."""
    strategy: Any = trainer.strategy
    begun = []
    if "LOCAL_RANK" not in os.environ:  # by which Lightning too sees that they are begun
        place = strategy.cluster_environment
        os.environ |= {"MASTER_ADDR": place.main_address, "MASTER_PORT": str(place.main_port), "LOCAL_RANK": "0"}
        command = [sys.executable, "-m", "lth_lightning", *words]
        ranks = range(1, strategy.num_processes)
        begun = [subprocess.Popen(command, env={**os.environ, "LOCAL_RANK": str(rank)}) for rank in ranks]
    strategy.launcher.launch(strategy.setup_environment)
    return begun


def follow(trainer: Trainer, words: Sequence[str], train: Callable[[Any], object]) -> None:
    """Do what the first process says, until it says no more.

    Args:
        trainer: A Trainer of the configuration.
        words: What both were begun by, after `lth`.
        train: Does this process's part of a training.
    """
    begun = join(trainer, words)
    try:
        while (training := told()) is not None:
            with suppress(DivergedError):
                train(training)
        dist.destroy_process_group()
    except StoppedError:  # the first one says so
        pass
    except BaseException:
        time.sleep(PATIENCE)
        raise
    finally:
        for process in begun:
            process.wait()
