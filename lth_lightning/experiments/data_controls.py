"""Controls that find a ticket with other data, and train it with the data as they are.

The data checks of Su et al., 2020, arXiv:2009.11094: a method that uses its data should do worse where pruning saw
corrupted or fewer images. Where weights are scored after training, that training sees them too.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..sparsity import mix
from .base import Built, Ticket
from .control import Case, Control, Method


class DataControl(Control):
    """A ticket that is found anew with other data."""

    searches: ClassVar[bool] = True

    @property
    @abstractmethod
    def changes(self) -> Mapping[str, Any]:
        """Attributes of the data module in the search for the ticket, and their values."""

    def ticket(self, case: Case) -> Ticket:
        """What the search finds in the ticket's place, rewound as the ticket is."""
        seed = mix("corruption", case.recipe.seeds.mask)
        found = case.search(case.recipe.on({**self.changes, "corruption_seed": seed}), case.folder.parent / "search")
        return replace(case.ticket, arm=self.arm, mask=found.mask, start=case.start(found), spent=found.spent)

    def inapplicable(self, method: Method) -> str | None:
        """Where no data is looked at, other data is no check."""
        return None if method.learns else f"{method.name} finds and starts its tickets without looking at data"

    def check(self, built: Built) -> None:
        """The data module can change its data."""
        absent = [name for name in (*self.changes, "corruption_seed") if not hasattr(built.data, name)]
        if absent:
            raise ValueError(
                f"{type(built.data).__name__} has no {', '.join(absent)}, which the control {self.arm} sets: "
                "derive it from lth_lightning.data.ArrayDataModule, or leave that control out"
            )


@dataclass(frozen=True)
class CorruptedData(DataControl):
    """The ticket that is found with random labels, shuffled pixels, or both.

    Args:
        labels: Whether every label is replaced by a random one.
        pixels: Whether the values of every image are shuffled by a permutation of its own.

    Raises:
        ValueError: If neither is chosen.
    """

    labels: bool = True
    pixels: bool = True

    def __post_init__(self) -> None:
        if not (self.labels or self.pixels):
            raise ValueError("CorruptedData has labels false and pixels false, so nothing is corrupted: set one true")

    @property
    def arm(self) -> str:
        """By what is corrupted."""
        return (
            "corrupted_data" if self.labels and self.pixels else "random_labels" if self.labels else "shuffled_pixels"
        )

    @property
    def changes(self) -> Mapping[str, Any]:
        """Random labels, shuffled pixels."""
        return {"random_labels": self.labels, "shuffle_pixels": self.pixels}


@dataclass(frozen=True)
class HalfData(DataControl):
    """The ticket that is found with a fixed random share of the training images.

    Args:
        share: The share of each class.

    Raises:
        ValueError: If the share is outside (0, 1).
    """

    share: float = 0.5
    arm: ClassVar[str] = "half_data"

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share is the part of the training images that pruning sees, in (0, 1), not {self.share}")

    @property
    def changes(self) -> Mapping[str, Any]:
        """A share of the images."""
        return {"train_share": self.share}
