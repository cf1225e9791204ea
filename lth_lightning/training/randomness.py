"""Every random draw of a training has a named seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from ..sparsity import mix


@dataclass(frozen=True)
class Seeds:
    """The seeds of one replicate.

    Args:
        init: Initialisation of the network.
        order: Order of the training images.
        augment: Augmentation of the training images.
        dropout: Dropout and whatever else a network draws within a step.
        mask: Random scores and rearranged masks.
    """

    init: int
    order: int
    augment: int
    dropout: int
    mask: int

    @classmethod
    def of(cls, seed: int) -> "Seeds":
        """All seeds alike: replicate number `seed`."""
        return cls(seed, seed, seed, seed, seed)


@contextmanager
def seeded(name: str, *numbers: int) -> Iterator[None]:
    """Torch's global random state set to a named stream within the block, and put back after it."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(mix(name, *numbers))
        yield


class SeedSteps(Callback):
    """Makes what a network draws within a step (dropout) a function of (seed, epoch, step).

    Resuming then needs no saved random state, and two arms of an experiment see the same draws. Of several devices each
    has a stream of its own, for its own images.

    Args:
        seed: Names the stream.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed the step."""
        rank = [trainer.global_rank] if trainer.global_rank else []
        seed = mix("step", self.seed, trainer.current_epoch, batch_idx, *rank)
        torch.default_generator.manual_seed(seed)  # torch.manual_seed looks for every kind of device: 0.1 ms a step
        if pl_module.device.type == "cuda":
            torch.cuda.manual_seed(seed)
