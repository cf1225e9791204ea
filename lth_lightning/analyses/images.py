"""Which images networks are looked at with, and on which batch norm's statistics are estimated."""

from typing import Literal

from torch import Tensor

from ..analysis import Batches, Statistics
from ..experiments import Built
from ..sparsity import Sample
from ..training import Drawn

Images = Literal["test", "val"]


def held_out(built: Built, images: Images) -> Batches:
    """The images to evaluate on, in order and as they are."""
    found: Batches = built.data.test_dataloader() if images == "test" else built.data.val_dataloader()
    return found


def calibrating(built: Built, statistics: Statistics, batches: int) -> list[tuple[Tensor, Tensor]] | None:
    """So many training batches, if statistics are to be estimated on them."""
    return list(Drawn(built.data, Sample(per_class=None, batches=batches))) if statistics == "estimated" else None


def check_calibration(batches: int) -> None:
    """Raise a ValueError unless there is something to estimate statistics on."""
    if batches < 1:
        raise ValueError(f"calibration is {batches}: estimate statistics on at least one batch")
