"""Where a pruned network starts again."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..sparsity import Mask
from ..training import Moment, write_start
from .base import Result


@dataclass(frozen=True)
class Rewind:
    """Which weights, and which moment of the schedule, a ticket starts with.

    | weights | to | is |
    |---|---|---|
    | kept | 0it | the original lottery ticket (Frankle & Carbin, 2019, arXiv:1803.03635) |
    | kept | 500it, 2ep | weight rewinding (Frankle et al., 2020, arXiv:1912.05671) |
    | trained | 0it | learning-rate rewinding (Renda et al., 2020, arXiv:2003.02389) |
    | trained | end | fine-tuning at the last learning rate, for `more` epochs (Han et al., 2015, arXiv:1506.02626) |

    Args:
        weights: 'kept' for the weights of that moment, 'trained' for the trained ones.
        to: The moment to continue from: data order, learning rate and step count are those of that moment.
        more: Epochs to fine-tune, such as '10ep', when `to` is 'end'.
        optimizer: 'fresh' starts without momentum, 'kept' restores that of the moment.

    Raises:
        ValueError: If a moment is misspelt, or the settings leave nothing to train.
    """

    weights: Literal["kept", "trained"] = "kept"
    to: str = "0it"
    more: str = "0ep"
    optimizer: Literal["fresh", "kept"] = "fresh"

    def __post_init__(self) -> None:
        more = Moment.parse(self.more)
        if more.unit != "ep":
            raise ValueError(f"fine-tuning is counted in epochs, such as '10ep', not '{self.more}'")
        if Moment.parse(self.to).unit == "end" and not more.count:
            raise ValueError(f"rewind.more is '{self.more}': to continue from the end, say how long, such as 10ep")
        if Moment.parse(self.to).unit != "end" and more.count:
            raise ValueError(
                f"rewind.more is '{self.more}', but rewind.to is '{self.to}', where the schedule goes on to its end: "
                "leave more out, or set rewind.to to end"
            )

    def tried(self) -> "Rewind":
        """The same for a training of a few steps: back to its first step, or an epoch more."""
        return replace(self, to=early(self.to), more="1ep" if Moment.parse(self.more).count else self.more)

    def start(
        self, clock: Result, early: Result, late: Result, mask: Mask, folder: Path, shuffle: int | None = None
    ) -> Path:
        """Write the checkpoint to start from.

        Args:
            clock: The dense training that kept the moment to continue from.
            early: The training whose kept weights are taken, if `weights` is 'kept'.
            late: The training whose trained weights are taken, if `weights` is 'trained'.
            mask: The ticket's mask.
            folder: The ticket's folder.
            shuffle: Seed to exchange the starting values of kept weights by, within each layer; None to leave them.
        """
        weights = early.kept(self.to) if self.weights == "kept" else late.trained
        return write_start(folder / "start.ckpt", clock.kept(self.to), weights, mask, self.optimizer, shuffle)


def early(moment: str) -> str:
    """A moment that the shortest training has: the beginning and the end are what they are, any other the first step.

    Example:
        >>> [early(moment) for moment in ("0ep", "8ep", "end")]
        ['0ep', '1it', 'end']
    """
    return "1it" if Moment.parse(moment).unit != "end" and Moment.parse(moment).count else moment
