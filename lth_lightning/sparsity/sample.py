"""What data a criterion looks at, and what each of several devices does of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

Batches = Iterable[tuple[Tensor, Tensor]]


def _alone(sums: Sequence[Tensor]) -> None:
    """One device's sums are the sums."""


@dataclass(frozen=True)
class Part:
    """What a device does of a sum over batches which all devices that train together have.

    Each takes whole batches, so that batch norm sees what it would see on one device.

    Args:
        place: The first batch that it takes.
        every: How many devices there are: how many batches further the next one is.
        add: Puts the sums of all devices in the place of this one's.
    """

    place: int = 0
    every: int = 1
    add: Callable[[Sequence[Tensor]], None] = _alone

    def takes(self, number: int) -> bool:
        """Whether the batch of this number is for this device."""
        return number % self.every == self.place


ALONE = Part()


@dataclass(frozen=True)
class Sample:
    """Which training images a criterion scores weights by.

    They come from a fresh pass over the training images, augmented as in training, never from the validation set.

    Args:
        per_class: Images of each class in a batch: 10, as SNIP and GraSP take them; null for ordinary batches of the
            data's own batch size.
        batches: Number of batches.

    Raises:
        ValueError: If a number is below 1.
    """

    per_class: int | None = 10
    batches: int = 1

    def __post_init__(self) -> None:
        if self.batches < 1 or (self.per_class is not None and self.per_class < 1):
            raise ValueError(
                f"the sample to score by has per_class {self.per_class} and batches {self.batches}: give 1 or more"
            )


Draw = Callable[[Sample], Batches]


def nothing(sample: Sample) -> Batches:
    """No batches, for what does not look at data."""
    return ()
