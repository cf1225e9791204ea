"""Data of one's own, from a file of arrays."""

from pathlib import Path
from typing import Any

from lth_lightning.data.arrays import Arrays, read_once
from lth_lightning.data.module import ArrayDataModule


class Npz(ArrayDataModule):
    """A data set in one `.npz` file: the arrays train_images, train_labels, test_images and test_labels.

    Images are (N, height, width, channels) or, grey, (N, height, width), uint8; labels are (N,) integers 0..K-1.

    Args:
        path: The file that holds the four arrays.
        **options: The arguments of `ArrayDataModule`.
    """

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(**options)
        self.path = path

    def load(self) -> Arrays:
        """The arrays in the file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged or its arrays are not as described.
        """
        return read_once(Path(self.path))
