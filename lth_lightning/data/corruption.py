"""Training data spoilt on purpose, to see whether a method uses it (Su et al., 2020, arXiv:2009.11094)."""

from dataclasses import dataclass

import numpy as np
import torch

from lth_lightning.data.arrays import Images, Labels
from lth_lightning.data.draws import generator
from lth_lightning.data.splits import Indices, stratified

BLOCK = 16  # images per random stream: one for each would take half as long again; another number, other permutations


@dataclass(frozen=True)
class Corruption:
    """How the images trained on are spoilt; two that are equal spoil alike.

    Args:
        random_labels: Whether every label is replaced (`random_labels`).
        shuffle_pixels: Whether the pixels of every image are permuted (`shuffled_pixels`).
        train_share: Share of the images that is trained on (`kept`), above 0 and at most 1.
        seed: Seed of all three.

    Raises:
        ValueError: The share is out of its range.
    """

    random_labels: bool = False
    shuffle_pixels: bool = False
    train_share: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 < self.train_share <= 1:
            raise ValueError(
                f"train_share={self.train_share} must be a share of the training images, above 0 and at most 1 (all)"
            )

    def describe(self) -> list[str]:
        """What is done, in words for people; empty if nothing is."""
        share = [f"{100 * self.train_share:g} % of the training images"] * (self.train_share < 1)
        return ["random labels"] * self.random_labels + ["shuffled pixels"] * self.shuffle_pixels + share

    def kept(self, labels: Labels, train: Indices) -> Indices:
        """The share of the images that is trained on, random with the class shares of the whole (`stratified`).

        Args:
            labels: (N,) the true classes in the file.
            train: (n,) the images that could be trained on, ascending.

        Returns:
            (round(train_share * n),) of them, ascending.

        Raises:
            ValueError: None would be left.
        """
        if self.train_share == 1:
            return train
        count = round(self.train_share * len(train))
        if count == 0:
            raise ValueError(
                f"train_share={self.train_share} of {len(train)} training images leaves none: choose a larger share"
            )
        return train[stratified(labels[train], count, "train share", self.seed)]

    def apply(self, images: Images, labels: Labels, chosen: Indices) -> tuple[Images, Labels]:
        """The images and labels that are trained on, copied.

        Args:
            images: (N, H, W, C) uint8, all that are in the file.
            labels: (N,) the true classes 0..K-1.
            chosen: (n,) which of them, ascending.

        Returns:
            (n, H, W, C) uint8 and (n,) int64.
        """
        return (
            shuffled_pixels(images, chosen, self.seed) if self.shuffle_pixels else images[chosen],
            (random_labels(len(labels), int(labels.max()) + 1, self.seed) if self.random_labels else labels)[chosen],
        )


def random_labels(count: int, classes: int, seed: int) -> Labels:
    """A class for every image of a file, uniform and independent of what is in it; it may be the true one.

    Args:
        count: Number of images N in the file.
        classes: Number of classes K.
        seed: Seed of the draw.

    Returns:
        (N,) classes 0..K-1.
    """
    labels: Labels = torch.randint(classes, (count,), generator=generator("random labels", seed)).numpy()
    return labels


def shuffled_pixels(images: Images, chosen: Indices, seed: int) -> Images:
    """Permute the H * W * C values of every image, across channels too, each image by a permutation of its own.

    The permutation is uniform, and a function of the seed and the image's number in the file only: an image is the
    same whatever it is chosen together with.

    Args:
        images: (N, H, W, C) uint8, all that are in the file.
        chosen: (n,) which of them, ascending.
        seed: Seed of the permutations.

    Returns:
        (n, H, W, C) uint8, copied.
    """
    numbers, firsts = np.unique(chosen // BLOCK, return_index=True)
    shuffled = np.empty((len(chosen), *images.shape[1:]), images.dtype)
    for number, first, after in zip(numbers.tolist(), firsts, [*firsts[1:], len(chosen)], strict=True):
        block = images[number * BLOCK : (number + 1) * BLOCK].copy()
        values = block.reshape(len(block), -1)
        draw = np.random.default_rng(generator("shuffled pixels", seed, number).initial_seed())
        draw.permuted(values, axis=1, out=values)
        shuffled[first:after] = block[chosen[first:after] - number * BLOCK]
    return shuffled
