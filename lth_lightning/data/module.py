"""The data module that all data sets derive from."""

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import torch
from lightning import LightningDataModule
from torch import Tensor

from lth_lightning.data.arrays import Arrays, Images, Labels
from lth_lightning.data.augment import Border, CropFlip
from lth_lightning.data.corruption import Corruption
from lth_lightning.data.loader import InMemoryLoader
from lth_lightning.data.normalise import moments, own_moments
from lth_lightning.data.splits import Split, split

Normalise = Literal["channels", "image", "none"]


class Part(NamedTuple):
    """Images (N, C, H, W) uint8 and labels (N,) int64 on a device."""

    images: Tensor
    labels: Tensor


class ArrayDataModule(LightningDataModule, ABC):
    """A data set that fits into the memory of the device. To add one, derive from this and write `load`.

    Images are normalised by the mean and standard deviation of each channel over all training images, whatever the
    subset and the split, so that networks trained on different parts see the same scale; or as `normalise` says.

    Random labels, shuffled pixels and a share of the data are the corrupted data of Su et al., 2020, arXiv:2009.11094.
    They touch the images trained on and no others; what becomes of an image depends on corruption_seed and its number
    in the file only. They may also be chosen after construction, by setting the attributes of these names before a
    loader is asked for.

    Args:
        batch_size: Images per training batch; of all devices together, where several train.
        eval_batch_size: Images per batch of validation, test and prediction.
        validation: Share of the training images that is held out to select on, so that the test images never are;
            the same share of each class. 0 for none, best together with the trainer's limit_val_batches=0.
        split_seed: Seed of the choice of the images held out.
        subset: Train and validate on the first so many training images, as many of each class; null for all.
        augment: Whether training images are cropped and flipped at random.
        pad: Pixels of border on each side that crops are taken from, where augment is on.
        flip: Whether images are mirrored left to right with probability 1/2, where augment is on.
        order_seed: Seed of the order of the training images.
        augment_seed: Seed of the crops and flips.
        drop_last: Whether to leave out the last training batch of an epoch if it is not full.
        random_labels: Whether every label trained on is replaced by a uniformly random class, perhaps the true one.
        shuffle_pixels: Whether the values of every image trained on are permuted, across channels too and before it is
            augmented, each image by a random permutation of its own.
        train_share: Share of the training images, above 0, that is trained on: a random one, the same of each class.
            The images held out are the same whatever it is.
        corruption_seed: Seed of the random labels, the permutations and the choice of the share.
        border: What is in the border that crops are taken from: black pixels, or the image reflected.
        normalise: By mean and standard deviation of all training images for each channel, by those of all pixels of
            each image, or by dividing by 255 only: channels, image or none.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        batch_size: int = 128,
        eval_batch_size: int = 512,
        validation: float = 0.1,
        split_seed: int = 0,
        subset: int | None = None,
        augment: bool = False,
        pad: int = 4,
        flip: bool = False,
        order_seed: int = 0,
        augment_seed: int = 0,
        drop_last: bool = False,
        random_labels: bool = False,
        shuffle_pixels: bool = False,
        train_share: float = 1.0,
        corruption_seed: int = 0,
        border: Border = "black",
        normalise: Normalise = "channels",
    ) -> None:
        super().__init__()
        if batch_size < 1 or eval_batch_size < 1:
            raise ValueError(f"batch_size={batch_size} and eval_batch_size={eval_batch_size} must both be at least 1")
        if not 0 <= validation < 1:
            raise ValueError(f"validation={validation} must be a share of the training images, from 0 to below 1")
        if pad < 0:
            raise ValueError(f"pad={pad} must be a number of pixels, 0 or more")
        for name, value, words in (("border", border, Border), ("normalise", normalise, Normalise)):
            if value not in get_args(words):
                raise ValueError(f"{name} is one of {', '.join(get_args(words))}, not {value!r}")
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.validation, self.split_seed, self.subset = validation, split_seed, subset
        self.augment, self.pad, self.flip = augment, pad, flip
        self.order_seed, self.augment_seed = order_seed, augment_seed
        self.drop_last = drop_last
        self.random_labels, self.shuffle_pixels = random_labels, shuffle_pixels
        self.train_share, self.corruption_seed = train_share, corruption_seed
        self.border, self.normalise = border, normalise
        self._corruption()  # refuses what is out of range
        self._loaded: tuple[Arrays, Split] | None = None

    @abstractmethod
    def load(self) -> Arrays:
        """The data set; called often, so it should return the same object each time (`functools.lru_cache`)."""

    def prepare_data(self) -> None:
        """Download and unpack what is missing; Lightning does this in one process, before `setup` in all."""
        self.load()

    def setup(self, stage: str | None = None) -> None:
        """Load and split the data; the attributes that describe it do this by themselves when first asked for.

        Args:
            stage: Ignored: all parts are set up at once.
        """
        arrays = self.load()
        self._loaded = arrays, split(arrays, self.subset, self.validation, self.split_seed)

    @property
    def _data(self) -> tuple[Arrays, Split]:
        if self._loaded is None:
            self.setup()
        assert self._loaded is not None
        return self._loaded

    def _corruption(self) -> Corruption:
        chosen = Corruption(self.random_labels, self.shuffle_pixels, self.train_share, self.corruption_seed)
        return chosen if chosen.describe() else Corruption()  # a seed of nothing does not make the data another one

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self._data[0].num_classes

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        height, width, channels = self._data[0].train_images.shape[1:]
        return channels, height, width

    @property
    def num_train(self) -> int:
        """Number of images that are trained on."""
        arrays, parts = self._data
        return len(self._corruption().kept(arrays.train_labels, parts.train))

    @property
    def num_val(self) -> int:
        """Number of training images that are held out."""
        return len(self._data[1].val)

    @property
    def num_test(self) -> int:
        """Number of test images."""
        return len(self._data[0].test_labels)

    def describe(self) -> str:
        """One line for people: what there is, how it is split, augmented, corrupted and batched."""
        shape = "x".join(map(str, self.input_shape))
        changes = [f"cropped from a border of {self.pad}"] * (self.pad > 0) + ["flipped"] * self.flip
        augmented = " and ".join(changes) if self.augment and changes else "not augmented"
        corrupted = "".join(f", {change}" for change in self._corruption().describe())
        return (
            f"{type(self).__name__}: {self.num_train} training, {self.num_val} validation and {self.num_test} test "
            f"images of {shape} in {self.num_classes} classes, {augmented}{corrupted}, in batches of {self.batch_size}"
        )

    def train_dataloader(self) -> InMemoryLoader:
        """Shuffled and augmented batches of the images to train on, on the training device."""
        augment = CropFlip(self.pad, self.flip, self.augment_seed, self.border) if self.augment else None
        if augment and self.border == "reflect" and self.pad >= min(self.input_shape[1:]):
            raise ValueError(f"pad={self.pad} is no less than the images are high and wide, so they cannot be mirrored")
        part = _train(*self._data, self._corruption(), self._device())
        return InMemoryLoader(
            *part,
            *self._moments(part),
            self.batch_size,
            order_seed=self.order_seed,
            augment=augment,
            drop_last=self.drop_last,
        )

    def val_dataloader(self) -> InMemoryLoader | list[InMemoryLoader]:
        """The images held out, in order and as they are; no loader if none are held out."""
        return self._in_order("val") if self.num_val else []

    def test_dataloader(self) -> InMemoryLoader:
        """The test images, in order and as they are."""
        return self._in_order("test")

    def predict_dataloader(self) -> InMemoryLoader:
        """The same as `test_dataloader`."""
        return self._in_order("test")

    def _in_order(self, part: str) -> InMemoryLoader:
        images = _held_out(*self._data, self._device())[part]
        return InMemoryLoader(*images, *self._moments(images), self.eval_batch_size)

    def _moments(self, part: Part) -> tuple[Tensor, Tensor]:
        if self.normalise == "none":
            return torch.zeros(1), torch.ones(1)
        return _own_moments(part.images) if self.normalise == "image" else _moments(self._data[0])

    def _device(self) -> torch.device:
        return torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device


# An experiment makes many data modules of the same data in turn: what they share is kept for the next one.


@lru_cache(maxsize=2)
def _moments(arrays: Arrays) -> tuple[Tensor, Tensor]:
    return moments(arrays.train_images)


@lru_cache(maxsize=4)
def _own_moments(images: Tensor) -> tuple[Tensor, Tensor]:
    return own_moments(images)


@lru_cache(maxsize=2)
def _train(arrays: Arrays, split: Split, corruption: Corruption, device: torch.device) -> Part:
    chosen = corruption.kept(arrays.train_labels, split.train)
    return _part(*corruption.apply(arrays.train_images, arrays.train_labels, chosen), device)


@lru_cache(maxsize=2)
def _held_out(arrays: Arrays, split: Split, device: torch.device) -> dict[str, Part]:
    return {
        "val": _part(arrays.train_images[split.val], arrays.train_labels[split.val], device),
        "test": _part(arrays.test_images.copy(), arrays.test_labels.copy(), device),
    }


def _part(images: Images, labels: Labels, device: torch.device) -> Part:
    channels_first = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return Part(channels_first.to(device), torch.from_numpy(labels).to(device))
