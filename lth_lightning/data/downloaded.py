"""Data sets that torchvision downloads, kept as one file of arrays afterwards."""

import os
from abc import abstractmethod
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lth_lightning.data.arrays import Arrays, read_once
from lth_lightning.data.module import ArrayDataModule


class Downloaded(ArrayDataModule):
    """A data set of torchvision's, downloaded when it is first used. To add one, derive from this and name it.

    Its arrays are then kept as `<root>/<name in lower case>.npz`, which later starts read without unpacking and which
    may also be put there by hand.

    Args:
        root: Folder of data sets; null for the environment variable LTH_DATA, or else "data".
        **options: The arguments of `ArrayDataModule`.
    """

    def __init__(self, root: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.root = root

    @property
    @abstractmethod
    def dataset(self) -> str:
        """Name of the class in torchvision.datasets, which has the attributes `data` and `targets`."""

    def load(self) -> Arrays:
        """The data set, from the file of arrays if it is there.

        Raises:
            FileNotFoundError: It is not there, and could not be downloaded.
            ValueError: The file of arrays is damaged.
        """
        root = Path(self.root or os.environ.get("LTH_DATA") or "data")
        cache = root / f"{self.dataset.lower()}.npz"
        return read_once(cache) if cache.exists() else _unpacked(self.dataset, root, cache)


@lru_cache(maxsize=1)
def _unpacked(name: str, root: Path, cache: Path) -> Arrays:
    from torchvision import datasets

    try:
        train, test = (getattr(datasets, name)(root, train=train, download=True) for train in (True, False))
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise FileNotFoundError(
            f"{name} is not in {root} (neither {cache.name} nor torchvision's files) and could not be downloaded "
            f"({type(error).__name__}: {reason}): put either of them there, set LTH_DATA or root to the folder that "
            "has them, or start once with access to the network"
        ) from None
    parts = (np.asarray(values) for dataset in (train, test) for values in (dataset.data, dataset.targets))
    arrays = Arrays(*parts)
    with suppress(OSError):  # a folder that cannot be written to only means unpacking again next time
        arrays.write(cache)
    return arrays
