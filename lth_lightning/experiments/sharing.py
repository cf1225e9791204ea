"""What all methods of a study have in common is trained once: the dense network, and small dense networks."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import Any

from torch import nn

from ..sparsity import Batches, Sample
from ..training import Seeds
from .base import Recipe, Result, Ticket
from .small_dense import SmallDense


def shared(ticket: Ticket) -> str | None:
    """Where the training of a ticket is for all methods; None if it is its method's own.

    Example:
        >>> shared(Ticket()), shared(Ticket("small_dense", width=0.5, density=0.16777)), shared(Ticket("pretraining"))
        ('dense', 'small_dense/density-0.1678', None)
    """
    if ticket.arm == "dense":
        return "dense"
    return small_dense(ticket.density) if ticket.arm == SmallDense.arm and ticket.width is not None else None


def small_dense(density: float) -> str:
    """The folder of the small dense network of a density."""
    return f"{SmallDense.arm}/density-{density:.4g}"


@dataclass(frozen=True)
class Sharing:
    """A method's recipe by which it shares trainings with other methods.

    A process that needs a training which another process does waits for its end. Where a method needs an early
    checkpoint that was not kept, because it joined the study later, the dense network is trained once more for it.

    Args:
        own: The method's recipe.
        common: The recipe of what is shared, whose rows name no method.
        folder: Where the shared trainings are.
        keep: The moments of the dense network's training that the methods start from.
    """

    own: Recipe
    common: Recipe
    folder: Path
    keep: Sequence[str]

    @property
    def seeds(self) -> Seeds:
        """The seeds of this replicate."""
        return self.own.seeds

    def train(self, ticket: Ticket, folder: Path, keep: Sequence[str] = ()) -> Result:
        """Train a ticket in its folder, or where all methods find it."""
        where = shared(ticket)
        if where is None:
            return self.own.train(ticket, folder, keep)
        with self.common.within(self.folder / where) as recipe:
            kept = self.keep if where == "dense" else keep  # what any method needs, whichever is first
            return _with_all(recipe, replace(ticket, round=0), self.folder / where, kept, keep)

    def net(self, checkpoint: Path) -> nn.Module:
        """The network with the weights of a checkpoint, on the device that trains."""
        return self.own.net(checkpoint)

    def draw(self, sample: Sample) -> Batches:
        """Training images and labels to score weights by."""
        return self.own.draw(sample)

    def width(self, fewer: int) -> float:
        """The largest share of the network's width that leaves so many parameters fewer, or more than so many."""
        return self.own.width(fewer)

    def on(self, data: Mapping[str, Any]) -> Recipe:
        """The method's recipe with other data, which shares nothing."""
        return self.own.on(data)

    def varied(self, changes: Mapping[str, Any], labels: Mapping[str, Any]) -> Recipe:
        """The method's recipe with a changed configuration, which shares nothing."""
        return self.own.varied(changes, labels)

    def within(self, folder: Path) -> AbstractContextManager[Recipe]:
        """The method's recipe for trainings that several processes want."""
        return self.own.within(folder)


def _with_all(recipe: Recipe, ticket: Ticket, folder: Path, keep: Sequence[str], needed: Sequence[str]) -> Result:
    """The training of a ticket with all checkpoints that are needed."""
    result = recipe.train(ticket, folder, keep)
    missing = [moment for moment in needed if not result.kept(moment).exists()]
    if missing:
        again = folder / "again"
        once_more = recipe.train(replace(ticket, arm="pretraining"), again, missing)
        for moment in missing:
            once_more.kept(moment).replace(result.kept(moment))
        rmtree(again)
    return result
