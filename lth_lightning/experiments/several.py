"""What several devices can train together, and how they are told of it."""

from dataclasses import replace
from functools import partial
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from ..sparsity import Mask
from .ticket import Ticket


def refuse_unshared(trainer: Trainer, replicas: int, data: Any = None) -> None:
    """Raise a ValueError if several devices could not train one network together.

    Args:
        trainer: A Trainer of the configuration.
        replicas: How many trainings are to step at once.
        data: Its data module, whose batches are divided; None if the data is not there yet.
    """
    strategy, devices = trainer.strategy, trainer.world_size
    if devices == 1:
        return
    if not isinstance(strategy, DDPStrategy) or isinstance(strategy.launcher, _MultiProcessingLauncher):
        raise ValueError(f"{devices} devices train together by trainer.strategy=ddp: take it, or trainer.devices=1")
    if replicas > 1:
        raise ValueError(f"replicas is {replicas}, but {devices} devices train one network at a time: leave one out")
    if data is not None and hasattr(loader := data.train_dataloader(), "divide"):
        loader.divide(0, devices)


def sent(ticket: Ticket) -> Ticket:
    """A ticket for processes that have other devices."""
    mask = None if ticket.mask is None else Mask({name: kept.cpu() for name, kept in ticket.mask.items()})
    return replace(ticket, mask=mask, callbacks=partial(list, ticket.callbacks()))
