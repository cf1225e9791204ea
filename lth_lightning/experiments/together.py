"""Several devices that train one network: a process for each, of which the first arranges and the others follow."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch.distributed as dist
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from ..preemption import StoppedError
from ..training.ranks import told
from .failed import DivergedError

Process = subprocess.Popen[bytes]
PATIENCE = 5.0  # seconds; the first process ends the others sooner where it fails as they do


class Others:
    """The other processes of a training, which do as this one, the first, says; begun when there is something to train.

    Args:
        trainer: A Trainer of the configuration.
        words: What to type after `lth` to begin them: the command that this process was begun by.
    """

    def __init__(self, trainer: Trainer, words: Sequence[str]) -> None:
        self._trainer = trainer
        self._words = words
        self._processes: list[Process] = []
        self._listening = False

    @contextmanager
    def along(self, training: Callable[[], Any]) -> Iterator[None]:
        """Let them do, while the block lasts, their part of what it trains.

        Args:
            training: Makes what they need to know of it.

        Raises:
            ChildProcessError: If it fails, but for divergence; then none of them is left to train any more.
        """
        if self._trainer.world_size == 1:
            yield
            return
        if not self._listening:
            self._processes = join(self._trainer, self._words)
            self._listening = True
        try:
            told(training())
            yield
        except DivergedError:  # as in all of them
            raise
        except BaseException as error:
            self._listening = False
            if not isinstance(error, StoppedError):
                for process in self._processes:
                    process.kill()
            if isinstance(error, RuntimeError | MemoryError):
                raise ChildProcessError(
                    f"one of the {self._trainer.world_size} processes that train together failed ({error}): the same "
                    "command continues where it was; if memory was short, with a smaller data.batch_size"
                ) from error
            raise

    def dismiss(self) -> None:
        """Let them end."""
        if self._listening:
            with suppress(RuntimeError):  # some have ended
                told(None)
            dist.destroy_process_group()
        for process in self._processes:
            process.wait()


@contextmanager
def others(trainer: Trainer, words: Sequence[str]) -> Iterator[Others]:
    """The other processes, as long as this one arranges trainings."""
    them = Others(trainer, words)
    try:
        yield them
    finally:
        them.dismiss()


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
        words: As of `Others`.
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


def refuse_unshared(trainer: Trainer, data: Any = None) -> None:
    """Raise a ValueError if several devices could not train one network together.

    Args:
        trainer: A Trainer of the configuration.
        data: Its data module, whose batches are divided; None if the data is not there yet.
    """
    strategy, devices = trainer.strategy, trainer.world_size
    if devices == 1:
        return
    if not isinstance(strategy, DDPStrategy) or isinstance(strategy.launcher, _MultiProcessingLauncher):
        raise ValueError(
            f"{devices} devices train together by trainer.strategy=ddp: take it, or trainer.devices=1"
        )
    if data is not None and hasattr(loader := data.train_dataloader(), "divide"):
        loader.divide(0, devices)
