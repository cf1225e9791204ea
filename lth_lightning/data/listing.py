"""Which images there are in a folder, and how large they are."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lth_lightning.data.splits import Indices
from lth_lightning.files import DamagedFileError

UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)  # what Pillow says of damaged files
AT_ONCE = 16  # files whose headers are asked for: a network's file system takes its time for each


@dataclass(frozen=True, eq=False)
class Listing:
    """Images in `folder/CLASS`, in the order of their paths. Arrays, which processes share as long as none writes.

    Args:
        folder: The folder.
        classes: Names of the classes, in order.
        names: (N,) path of each image within the folder, as bytes.
        labels: (N,) class of each, int64.
        sizes: (N, 2) height and width of each in pixels, int64.
    """

    folder: str
    classes: list[str]
    names: npt.NDArray[np.bytes_]
    labels: Indices
    sizes: Indices

    def __len__(self) -> int:
        return len(self.names)

    def path(self, number: int) -> str:
        """Where an image is."""
        return os.path.join(self.folder, os.fsdecode(self.names[number]))  # noqa: PTH118  # called for every image read

    def take(self, chosen: Indices) -> "Listing":
        """Some of the images, by their numbers."""
        return replace(self, names=self.names[chosen], labels=self.labels[chosen], sizes=self.sizes[chosen])


def listed(folder: Path) -> Listing:
    """Look into a folder and at the header of each image: what `torchvision.datasets.ImageFolder` finds, and sizes.

    Args:
        folder: Has a folder for each class, with images in it or in folders of it; other files are left alone.

    Raises:
        FileNotFoundError: There are no classes, or one without images.
        DamagedFileError: A file is named like an image and is none.
    """
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
    if not classes:
        raise FileNotFoundError(f"{folder} has no folders of images: give the root that has train/CLASS and val/CLASS")
    found = [list(_images(folder, name)) for name in classes]
    if empty := [name for name, paths in zip(classes, found, strict=True) if not paths]:
        raise FileNotFoundError(
            f"{folder} has {len(empty)} class{'es' * (len(empty) > 1)} without an image, such as {empty[0]}: remove "
            f"such folders, or put images into them"
        )
    paths = [path for of_class in found for path in of_class]
    with ThreadPoolExecutor(AT_ONCE) as readers:
        sizes = list(readers.map(_size, (folder / path for path in paths)))
    if damaged := [(path, size) for path, size in zip(paths, sizes, strict=True) if isinstance(size, str)]:
        raise DamagedFileError(
            f"{len(damaged)} of {len(paths)} files in {folder} are named like images and cannot be read, such as "
            f"{damaged[0][0]} ({damaged[0][1]}): get them again, or remove them"
        )
    labels = np.repeat(np.arange(len(classes)), [len(of_class) for of_class in found])
    return Listing(str(folder), classes, np.array([os.fsencode(path) for path in paths]), labels, np.array(sizes))


def _images(folder: Path, name: str) -> Iterator[str]:
    from torchvision.datasets.folder import IMG_EXTENSIONS  # slow to import, and not needed where there is a list

    for inside, _, files in sorted(os.walk(folder / name, followlinks=True)):
        place = Path(inside).relative_to(folder)
        yield from (str(place / file) for file in sorted(files) if file.lower().endswith(IMG_EXTENSIONS))


def _size(path: Path) -> tuple[int, int] | str:
    """Height and width, or why there are none."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except UNREADABLE as error:
        return " ".join(str(error).split()) or type(error).__name__
