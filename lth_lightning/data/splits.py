"""Which images are trained on and which are held out: pure functions of labels and seeds."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from lth_lightning.data.arrays import Arrays, Labels
from lth_lightning.data.draws import generator

Indices = npt.NDArray[np.int64]


def balanced(labels: Labels, count: int, every: bool = True) -> Indices:
    """The first `count` samples, as many of each class as there are to be had.

    Classes take turns in the order of their labels, each giving its next sample in the order of the file; so a
    smaller subset is part of a larger one.

    Args:
        labels: (N,) classes 0..K-1.
        count: Number of samples to take, K <= count <= N.
        every: Whether each class must have one; else count is at least 1.

    Returns:
        (count,) indices, ascending.

    Raises:
        ValueError: The count is larger than N or smaller than K.
    """
    classes = int(labels.max()) + 1
    if not (classes if every else 1) <= count <= len(labels):
        least = f"{classes} (one of each class)" if every else "1"
        raise ValueError(
            f"a subset of {count} training images was asked for, but it must have at least {least} and at most "
            f"{len(labels)} (all there are): choose a number in between"
        )
    return np.sort(np.lexsort((labels, _turns(labels)))[:count])


def stratified(labels: Labels, count: int, stream: str, seed: int) -> Indices:
    """A random sample with the class shares of the whole (seats by Webster's method, so the total is exact).

    Args:
        labels: (N,) classes.
        count: Number of samples to draw.
        stream: Name of the random stream.
        seed: Seed of the draw.

    Returns:
        (count,) indices, ascending.
    """
    shuffled = torch.randperm(len(labels), generator=generator(stream, seed)).numpy()
    mixed = labels[shuffled]
    quantile = (_turns(mixed) + 0.5) / np.bincount(labels)[mixed]
    return np.sort(shuffled[np.argsort(quantile, kind="stable")[:count]])


def _turns(labels: Labels) -> Indices:
    """How many samples of the same class come before each sample."""
    by_class = np.argsort(labels, kind="stable")
    starts = np.cumsum(np.bincount(labels)) - np.bincount(labels)
    turns = np.empty(len(labels), dtype=np.int64)
    turns[by_class] = np.arange(len(labels)) - starts[labels[by_class]]
    return turns


@dataclass(frozen=True, eq=False)
class Split:
    """The training images that are trained on and those held out for validation.

    Args:
        train: Indices into the training images, ascending.
        val: Indices into the training images, ascending; none in common with `train`.
    """

    train: Indices
    val: Indices


@lru_cache(maxsize=4)
def split(arrays: Arrays, subset: int | None, validation: float, seed: int) -> Split:
    """Divide the training images of a data set: `divide`, once for all data modules that share it."""
    return divide(arrays.train_labels, subset, validation, seed)


def divide(labels: Labels, subset: int | None, validation: float, seed: int, every: bool = True) -> Split:
    """Take a subset of the training images and hold a share of it out.

    Args:
        labels: (N,) classes of all of them.
        subset: Number of images to take first (`balanced`), or None for all.
        validation: Share of them to hold out (`stratified`), 0 for none.
        seed: Seed of the choice of what is held out.
        every: Whether a subset must have an image of each class.

    Returns:
        The two parts; the test images have no part in it.

    Raises:
        ValueError: The subset cannot be taken, or nothing would be held out or left to train on.
    """
    taken = np.arange(len(labels)) if subset is None else balanced(labels, subset, every)
    count = round(validation * len(taken))
    if count == len(taken) or (count == 0 and validation > 0):
        raise ValueError(
            f"validation={validation} of {len(taken)} training images holds out {count} of them: choose a share that "
            "leaves images on both sides, or 0 to hold out none"
        )
    held_out = stratified(labels[taken], count, "split", seed)
    return Split(np.delete(taken, held_out), taken[held_out])
