"""Several devices that train one network: a process for each, of which the first leads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch.distributed as dist
from lightning.pytorch import Trainer

from ..preemption import StoppedError
from ..training.ranks import told
from .failed import DivergedError
from .following import Process, join


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
