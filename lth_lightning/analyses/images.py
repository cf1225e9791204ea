"""Which images networks are looked at with, and on which batch norm's statistics are estimated."""

from itertools import islice
from typing import Any, Literal, cast

from torch import Tensor

from ..analysis import Batches, Statistics
from ..sparsity import Sample
from ..training import Drawn
from .base import Lineage

Images = Literal["train", "val", "test"]


def in_order(lineage: Lineage, images: Images, at_most: int | None = None) -> Batches:
    """The images to evaluate on, as they are: those of training too, where the data module augments by `augment`.

    As many batches as the Trainer was limited to, so that a network is worth what its training recorded.

    Args:
        lineage: Whose networks to evaluate.
        images: Which of the data module's.
        at_most: So many batches of them, the first in the order of training or of the files.
    """
    built = lineage.build()
    data: Any = built.data
    if images == "train":
        data.augment, data.drop_last = False, False
    loaders = {"train": data.train_dataloader, "val": data.val_dataloader, "test": data.test_dataloader}
    loader: Any = loaders[images]()
    limit = built.trainer.get(f"limit_{images}_batches")
    if isinstance(limit, float):
        limit = int(limit * len(loader))
    limits = [each for each in (limit, at_most) if each is not None]
    return list(islice(loader, min(limits))) if limits else cast("Batches", loader)


def calibrating(lineage: Lineage, statistics: Statistics, batches: int) -> list[tuple[Tensor, Tensor]] | None:
    """So many training batches, if statistics are to be estimated on them."""
    sample = Sample(per_class=None, batches=batches)
    return list(Drawn(lineage.build().data, sample)) if statistics == "estimated" else None


def check_calibration(batches: int) -> None:
    """Raise a ValueError unless there is something to estimate statistics on."""
    if batches < 1:
        raise ValueError(f"calibration is {batches}: estimate statistics on at least one batch")
