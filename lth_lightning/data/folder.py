"""Images in folders, too many to be held in memory."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from lightning import LightningDataModule

from lth_lightning.data.files import FileLoader, processors
from lth_lightning.data.kept import listing
from lth_lightning.data.listing import Listing
from lth_lightning.data.splits import Split, divide

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])  # of ImageNet, as in torchvision


class Folder(LightningDataModule):
    """Images as files in `root/train/CLASS` and `root/val/CLASS`, such as ImageNet; read when they are needed.

    Training images are cropped at random to 8 to 100 % of their area and flipped (Szegedy et al., 2015,
    arXiv:1409.4842), the others resized and cropped in the middle. Normalised by the means and standard deviations of
    ImageNet's channels. What becomes of an image is a function of (augment_seed, epoch, number of the image), however
    many processes read. The images in `val` are those to test on; those to select on are held out of `train`.

    Args:
        root: Folder with `train` and `val`; a relative one is in the environment variable LTH_DATA, or else in "data".
        batch_size: Images per training batch; of all devices together, where several train.
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
    def _files(self) -> dict[str, Listing]:
        root = Path(os.environ.get("LTH_DATA") or "data") / self.root
        found = {part: listing(root / part) for part in ("train", "val")}
        for name in sorted({*found["train"].classes} ^ {*found["val"].classes})[:1]:
            raise ValueError(f"{root} has the class {name} in one of train and val only: they must be the same in both")
        return found

    @cached_property
    def _parts(self) -> Split:
        return divide(self._files["train"].labels, self.subset, self.validation, self.split_seed, False)

    def prepare_data(self) -> None:
        """List the images, and keep the lists; Lightning does this in one process, before there are others."""
        _ = self._files

    def describe(self) -> str:
        """One line for people: what there is, how it is split, augmented, batched and read."""
        numbers = len(self._parts.train), len(self._parts.val), len(self._files["val"])
        train, val, test = (f"{number:,}" for number in numbers)
        shape = "x".join(map(str, self.input_shape))
        augmented = "cropped and flipped at random" if self.augment else "not augmented"
        readers = f"{self._workers} process{'es' * (self._workers > 1)}" if self._workers else "the training itself"
        return (
            f"Folder {self.root}: {train} training, {val} validation and {test} test images of {shape} "
            f"in {self.num_classes} classes, {augmented}, in batches of {self.batch_size}, read by {readers}"
        )

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
        files = self._files["train"].take(self._parts.train)
        return self._loader(files, self.batch_size, self.drop_last, self.order_seed, seed)

    def val_dataloader(self) -> FileLoader | list[FileLoader]:
        """The images held out, in order and as they are; no loader if none are held out."""
        held_out = self._files["train"].take(self._parts.val)
        return self._loader(held_out, self.eval_batch_size) if len(held_out) else []

    def test_dataloader(self) -> FileLoader:
        """The test images, in order and as they are."""
        return self._loader(self._files["val"], self.eval_batch_size)

    def predict_dataloader(self) -> FileLoader:
        """The same as `test_dataloader`."""
        return self.test_dataloader()

    def teardown(self, stage: str) -> None:
        """End the processes that read: a Trainer and its module hold each other, and these, for some time."""
        assert self.trainer is not None
        of_all = (self.trainer.train_dataloader, self.trainer.val_dataloaders, self.trainer.test_dataloaders)
        for loader in of_all:
            if isinstance(loader, FileLoader):
                loader.close()

    def _loader(self, files: Listing, batch_size: int, *options: Any) -> FileLoader:
        device = self.trainer.strategy.root_device if self.trainer else None
        return FileLoader(files, batch_size, self.size, MEAN, STD, self._workers, device, *options)

    @property
    def _workers(self) -> int:
        return min(self.workers, processors())
