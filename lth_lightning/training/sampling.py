"""Training images to score weights by."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor

from ..sparsity import ALONE, Part, Sample
from .randomness import seeded

Batch = tuple[Tensor, Tensor]


def _unseen(images: int) -> None:
    """Nobody counts them."""


def whole(data: LightningDataModule) -> Any:
    """A fresh loader of the training images, of whole batches where it would divide them among devices."""
    loader = data.train_dataloader()
    if hasattr(loader, "divide"):
        loader.divide(0, 1)
    return loader


@dataclass(frozen=True)
class Drawn:
    """The batches of a sample, taken when they are iterated over, from a fresh loader each time.

    Never from the loader in training, whose place and random state stay as they are. Where several devices train, each
    draws all of the images; `part` tells criteria which batches are for this one.

    Args:
        data: The data module.
        sample: What to take of its training images.
        part: What this device does of a sum over the batches.
        look: Told the number of images of each batch that is looked at.
    """

    data: LightningDataModule | None
    sample: Sample
    part: Part = ALONE
    look: Callable[[int], None] = _unseen

    def __iter__(self) -> Iterator[Batch]:
        if self.data is None:
            raise ValueError("weights are to be scored by training images, but there is no data module: give fit one")
        with seeded("sample"):
            for batch in self._batches(whole(self.data)):
                self.look(len(batch[1]))
                yield batch

    def _batches(self, loader: Any) -> Iterable[Batch]:
        if self.sample.per_class is None:
            return islice(loader, self.sample.batches)
        return by_class(loader, self.sample.per_class, self.sample.batches, getattr(self.data, "num_classes", None))


class Epochs:
    """All training batches, augmented and in the order of another epoch each time that they are iterated over.

    Of a fresh loader each time, so that what they are depends on how often that was, and nothing else.

    Args:
        data: The data module.
    """

    def __init__(self, data: LightningDataModule) -> None:
        self.data = data
        self.epoch = 0

    def __iter__(self) -> Iterator[Batch]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        with seeded("epochs", epoch):
            loader = whole(self.data)
            set_epoch = getattr(getattr(loader, "sampler", None), "set_epoch", None)
            if set_epoch is not None:
                set_epoch(epoch)
            yield from loader


def by_class(loader: Iterator[Batch], per_class: int, batches: int, classes: int | None) -> list[Batch]:
    """Batches with the same number of images of every class, in the order in which a loader gives them.

    Args:
        loader: Yields (images, labels).
        per_class: Images of each class in a batch.
        batches: Number of batches, none with an image of another.
        classes: Number of classes; if it is not known, all of the loader is looked at.

    Raises:
        ValueError: If the loader ends before there are enough of each class.
    """
    parts: list[list[Batch]] = [[] for _ in range(batches)]
    taken: Counter[int] = Counter()
    needed = per_class * batches
    for images, labels in loader:
        turns = torch.empty_like(labels)
        for label in set(labels.tolist()):
            here = labels == label
            turns[here] = taken[label] + torch.arange(int(here.sum()), device=labels.device)
            taken[label] += int(here.sum())
        for number, part in enumerate(parts):
            chosen = turns.div(per_class, rounding_mode="floor") == number
            if chosen.any():
                part.append((images[chosen], labels[chosen]))
        if len(taken) == classes and min(taken.values()) >= needed:
            break
    seen = range(classes) if classes is not None else sorted(taken)
    if short := [label for label in seen if taken[label] < needed]:
        raise ValueError(
            f"weights are to be scored by {needed} images of each class, but class {short[0]} has "
            f"{taken[short[0]]}: lower sample.per_class or sample.batches, or train on more images"
        )
    return [(torch.cat([x for x, _ in part]), torch.cat([y for _, y in part])) for part in parts]


def first_images(data: LightningDataModule, count: int) -> list[Batch]:
    """The first training images of a fresh loader, as they are: not augmented, if a data module does so by `augment`.

    Args:
        data: The data module, which stays as it is.
        count: How many, or all if there are fewer.
    """
    plain: Any = copy(data)
    plain.augment, plain.drop_last = False, False
    taken = list[Batch]()
    with seeded("first images"):
        for images, labels in whole(plain):
            taken.append((images[:count], labels[:count]))
            count -= len(labels)
            if count <= 0:
                break
    return taken
