"""From when on does SGD noise not matter any more?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Self

from ..sparsity import Mask
from ..training import Moment, write_start
from .base import Built, Experiment, Recipe, Result, Ticket
from .beside import beside
from .noise import other_noise
from .refusals import refuse_own_mask
from .rewind import early


@dataclass(frozen=True, kw_only=True)
class Instability(Experiment):
    """Train the dense network, and from each of some moments of its training several copies under other SGD noise.

    The instability analysis of Frankle et al., 2020, arXiv:1912.05671: copies differ in the order and the augmentation
    of their images only, and end on the schedule of the dense network. `lth analyze` tells the error barrier between
    those of each moment; below 2 % the network is stable from there on. That of tickets is told by the control
    `OtherNoise` of a pruning experiment.

    Args:
        moments: Where the copies start, in their order: '0it' for the initialisation, '500it', '2ep'.
        copies: How many start there.
        optimizer: 'fresh' starts them without momentum, 'kept' with that of the moment.

    Raises:
        ValueError: If there is no moment, one is given twice or is the end, or fewer than two copies.
    """

    may_append: ClassVar[tuple[str, ...]] = ("moments",)
    moments: Sequence[str] = ("0it", "1ep", "2ep", "4ep", "8ep")
    copies: int = 2
    optimizer: Literal["fresh", "kept"] = "fresh"

    def __post_init__(self) -> None:
        if not self.moments:
            raise ValueError("moments is empty: say where copies start, such as [0it, 2ep]")
        if any(Moment.parse(moment).unit == "end" for moment in self.moments):
            raise ValueError("copies that start at the end have nothing left to train: name an earlier moment")
        if len({*self.moments}) < len(self.moments):
            raise ValueError(f"moments are {', '.join(self.moments)}: name each once")
        if self.copies < 2:
            raise ValueError(f"copies is {self.copies}: a barrier is between two, so ask for 2 or more")

    def run(self, recipe: Recipe, folder: Path) -> list[Result]:
        """Run one replicate: `round-00` is dense, `from_500it/copy-1` a copy."""
        results = [recipe.train(Ticket(), folder / "round-00", keep=self.moments)]
        begun = []
        for moment in self.moments:
            arm = _arm(moment)
            kept = results[0].kept(moment)
            start = write_start(folder / arm / "start.ckpt", kept, kept, optimizer=self.optimizer)
            for copy in range(1, self.copies + 1):
                own, there = other_noise(recipe, copy, arm), folder / arm / f"copy-{copy}"
                begun.append(beside(partial(own.train, Ticket(arm, start=start), there)))
        return results + [result for each in begun for result in each()]

    def check(self, built: Built, weights: Mask) -> None:
        """The network is dense."""
        super().check(built, weights)
        refuse_own_mask(built.trainer)

    def tried(self) -> Self:
        """Two copies from the beginning, and from the first moment after it."""
        return replace(self, moments=list(dict.fromkeys(map(early, self.moments))), copies=2)

    @property
    def arms(self) -> Mapping[str, Sequence[float]]:
        """The dense network, and the copies by moment."""
        return {"dense": [1.0], **{_arm(moment): [1.0] for moment in self.moments}}

    @property
    def trainings(self) -> int:
        """The dense one, and all copies."""
        return 1 + len(self.moments) * self.copies


def _arm(moment: str) -> str:
    return f"from_{moment}"
