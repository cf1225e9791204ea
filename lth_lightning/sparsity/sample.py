"""What data a criterion looks at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

Batches = Iterable[tuple[Tensor, Tensor]]


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
