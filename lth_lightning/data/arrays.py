"""Images and labels as arrays, and the one file they are kept in."""

import os
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Arrays:
    """A classification data set in memory.

    Written to a `.npz` file, this is both the cache of a downloaded data set and the way to bring data of one's own:
    `np.savez("mine.npz", train_images=..., train_labels=..., test_images=..., test_labels=...)`.

    Args:
        train_images: (N, H, W, C) uint8; grey images may also be (N, H, W), and become (N, H, W, 1).
        train_labels: (N,) integers 0..K-1, each class at least once; kept as int64.
        test_images: (M, H, W, C) uint8, of the same size as the training images.
        test_labels: (M,) integers 0..K-1.

    Raises:
        ValueError: An array is not as described.
    """

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels

    def __post_init__(self) -> None:
        """Check and bring into the canonical form; no pixel is read, so this costs nothing for large files."""
        for part in ("train", "test"):
            images = _checked_images(f"{part}_images", getattr(self, f"{part}_images"))
            labels = _checked_labels(f"{part}_labels", getattr(self, f"{part}_labels"), len(images))
            object.__setattr__(self, f"{part}_images", images)
            object.__setattr__(self, f"{part}_labels", labels)
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise ValueError(
                f"train_images are {self.train_images.shape[1:]} but test_images are {self.test_images.shape[1:]} "
                "(height, width, channels): bring them to one size"
            )
        classes = np.unique(self.train_labels)
        if classes[-1] != len(classes) - 1:
            absent = int(np.flatnonzero(classes != np.arange(len(classes)))[0])
            raise ValueError(
                f"train_labels goes up to {classes[-1]} but never has the value {absent}: number the classes 0..K-1 "
                "without gaps"
            )
        if self.test_labels.max() >= self.num_classes:
            raise ValueError(
                f"test_labels has the value {self.test_labels.max()} but train_labels ends at {self.num_classes - 1}: "
                "number the classes alike in both, 0..K-1"
            )

    @property
    def num_classes(self) -> int:
        """Number of classes K."""
        return int(self.train_labels.max()) + 1

    @classmethod
    def read(cls, path: Path) -> "Arrays":
        """Read a `.npz` file; nothing in it is ever unpickled.

        Args:
            path: The file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged, is something else, or its arrays are not as described above.
        """
        names = [field.name for field in fields(cls)]
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as members:
                arrays = {name: members[name] for name in names if name in members}
        except FileNotFoundError:
            raise FileNotFoundError(f"{path} does not exist: write it with np.savez and {', '.join(names)}") from None
        except (ValueError, TypeError, EOFError, BadZipFile, ZlibError) as error:
            raise ValueError(
                f"{path} is damaged or not an .npz file of plain arrays ({error}): write it again with np.savez, or "
                "delete it if it is the cache of a download"
            ) from None
        if missing := [name for name in names if name not in arrays]:
            raise ValueError(f"{path} lacks {', '.join(missing)}: it must have {', '.join(names)}")
        try:
            return cls(**arrays)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def write(self, path: Path) -> None:
        """Write an uncompressed `.npz` file, which is complete as soon as it bears its name.

        Args:
            path: The file; its folder is made if need be.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            with partial.open("wb") as file:
                np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def read_once(path: Path) -> Arrays:
    """Read a `.npz` file, or return what was read before in this process if the file has not changed since.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: See `Arrays.read`.
    """
    if not path.exists():
        return Arrays.read(path)
    stat = path.stat()
    return _read(path.resolve(), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _read(path: Path, modified: int, size: int) -> Arrays:
    return Arrays.read(path)


def _checked_images(name: str, images: Images) -> Images:
    if images.dtype != np.uint8:
        raise ValueError(f"{name} is {images.dtype}: give pixels as uint8, 0..255")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"{name} has shape {images.shape}: give (N, height, width, channels), none of them 0")
    if images.shape[1] in (1, 3) and images.shape[3] > 4:
        raise ValueError(f"{name} has shape {images.shape}, channels first: transpose it with (0, 2, 3, 1)")
    return images


def _checked_labels(name: str, labels: Labels, count: int) -> Labels:
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{name} is {labels.dtype}: give classes as integers 0..K-1")
    if labels.shape != (count,):
        raise ValueError(f"{name} has shape {labels.shape} for {count} images: give one label per image, ({count},)")
    if labels.min() < 0:
        raise ValueError(f"{name} has the value {labels.min()}: give classes as integers 0..K-1")
    return labels.astype(np.int64, copy=False)
