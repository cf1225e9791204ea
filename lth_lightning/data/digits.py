"""The hand-written digits that come with scikit-learn: no download, and a training takes a second."""

from functools import lru_cache

import numpy as np

from lth_lightning.data.arrays import Arrays
from lth_lightning.data.module import ArrayDataModule
from lth_lightning.data.splits import stratified

TEST_IMAGES = 397


class Digits(ArrayDataModule):
    """1,797 grey images of 8x8 pixels in 10 classes (Alpaydin and Kaynak, 1998, UCI): 1,400 to train, 397 to test.

    The test images (22 % of each class) are the same whatever the arguments. The 17 grey levels are spread over
    0..255.
    """

    def load(self) -> Arrays:
        """The data set, which is part of scikit-learn."""
        return _digits()


@lru_cache(maxsize=1)
def _digits() -> Arrays:
    from sklearn.datasets import load_digits  # takes a second, which only this data set needs

    pixels, labels = load_digits(return_X_y=True)
    images = np.round(pixels.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    test = stratified(labels, TEST_IMAGES, "digits test", seed=0)
    return Arrays(np.delete(images, test, axis=0), np.delete(labels, test), images[test], labels[test])
