"""Images in folders, too many to be held in memory."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from lightning import LightningDataModule

from lth_lightning.data.files import FileLoader
from lth_lightning.data.splits import Split, divide

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels, as torchvision has them


class Folder(LightningDataModule):
    """Images as files in `root/train/CLASS` and `root/val/CLASS`, such as ImageNet; read when they are needed.

    Training images are cropped at random to 8 to 100 % of their area and flipped (Szegedy et al., 2015,
    arXiv:1409.4842), the others resized and cropped in the middle. Normalised by the means and standard deviations of
    ImageNet's channels. What becomes of an image is a function of (augment_seed, epoch, number of the image), however
    many processes read. The images in `val` are those to test on; those to select on are held out of `train`.

    Args:
        root: Folder with `train` and `val`; a relative one is in the environment variable LTH_DATA, or else in "data".
        batch_size: Images per training batch.
        eval_batch_size: Images per batch of validation, test and prediction.
        validation: Share of the training images that is held out to select on; the same share of each class.
        split_seed: Seed of the choice of the images held out.
        subset: Train and validate on the first so many training images, of all classes in turn; null for all.
        size: Height and width of an image, in pixels; before the middle is cropped, the shorter side is 8/7 of it.
        augment: Whether training images are cropped and flipped at random.
        order_seed: Seed of the order of the training images.
        augment_seed: Seed of the crops and flips.
        drop_last: Whether to leave out the last training batch of an epoch if it is not full.
        workers: Number of processes that read images, at most as many as there are processors; 0 for none but the
            training itself.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        root: str,
        batch_size: int = 256,
        eval_batch_size: int = 256,
        validation: float = 0.01,
        split_seed: int = 0,
        subset: int | None = None,
        size: int = 224,
        augment: bool = True,
        order_seed: int = 0,
        augment_seed: int = 0,
        drop_last: bool = False,
        workers: int = 8,
    ) -> None:
        super().__init__()
        if min(batch_size, eval_batch_size, size) < 1 or workers < 0:
            raise ValueError(
                f"batch_size={batch_size}, eval_batch_size={eval_batch_size} and size={size} must be at least 1, "
                f"and workers={workers} at least 0"
            )
        if not 0 <= validation < 1:
            raise ValueError(f"validation={validation} must be a share of the training images, from 0 to below 1")
        self.root, self.batch_size, self.eval_batch_size = root, batch_size, eval_batch_size
        self.validation, self.split_seed, self.subset = validation, split_seed, subset
        self.size, self.augment, self.order_seed, self.augment_seed = size, augment, order_seed, augment_seed
        self.drop_last, self.workers = drop_last, workers

    @cached_property
    def _files(self) -> dict[str, Any]:
        from torchvision.datasets import ImageFolder  # which only this data set needs

        found = {}
        for part in ("train", "val"):
            place = Path(os.environ.get("LTH_DATA") or "data") / self.root / part
            try:
                found[part] = ImageFolder(place)
            except FileNotFoundError as error:
                raise FileNotFoundError(
                    f"{place} has no folders of images ({error}): give the root that has train/CLASS and val/CLASS"
                ) from None
        if found["train"].classes != found["val"].classes:
            raise ValueError(f"the folders in {self.root}/train and {self.root}/val differ: they name the classes")
        return found

    @cached_property
    def _parts(self) -> Split:
        return divide(np.asarray(self._files["train"].targets), self.subset, self.validation, self.split_seed, False)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self._files["train"].classes)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return 3, self.size, self.size

    def train_dataloader(self) -> FileLoader:
        """Shuffled and augmented batches of the images to train on."""
        seed = self.augment_seed if self.augment else None
        return self._loader("train", self._parts.train, self.batch_size, self.drop_last, self.order_seed, seed)

    def val_dataloader(self) -> FileLoader | list[FileLoader]:
        """The images held out, in order and as they are; no loader if none are held out."""
        held_out = self._parts.val
        return self._loader("train", held_out, self.eval_batch_size) if len(held_out) else []

    def test_dataloader(self) -> FileLoader:
        """The test images, in order and as they are."""
        return self._loader("val", np.arange(len(self._files["val"])), self.eval_batch_size)

    def predict_dataloader(self) -> FileLoader:
        """The same as `test_dataloader`."""
        return self.test_dataloader()

    def _loader(self, part: str, numbers: Any, batch_size: int, *options: Any) -> FileLoader:
        samples = self._files[part].samples
        workers = min(self.workers, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
        return FileLoader([samples[i] for i in numbers], batch_size, self.size, (MEAN, STD), workers, *options)
