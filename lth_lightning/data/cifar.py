"""CIFAR-10 and CIFAR-100."""

from typing import Any

from lth_lightning.data.downloaded import Downloaded


class CIFAR10(Downloaded):
    """50,000 training and 10,000 test images, colour 32x32, in 10 classes (Krizhevsky, 2009).

    Means (.4914, .4822, .4465) and standard deviations (.2470, .2435, .2616). Training images are cropped from a
    border of 4 and flipped (He et al., 2016, arXiv:1512.03385) unless told otherwise.

    Args:
        root: Folder of data sets; null for the environment variable LTH_DATA, or else "data".
        augment: Whether training images are cropped and flipped at random.
        flip: Whether images are mirrored left to right with probability 1/2, where augment is on.
        **options: The other arguments of `ArrayDataModule`.
    """

    dataset = "CIFAR10"

    def __init__(self, root: str | None = None, augment: bool = True, flip: bool = True, **options: Any) -> None:
        super().__init__(root=root, augment=augment, flip=flip, **options)


class CIFAR100(CIFAR10):
    """50,000 training and 10,000 test images, colour 32x32, in 100 classes (Krizhevsky, 2009).

    Means (.5071, .4865, .4409) and standard deviations (.2673, .2564, .2762). Augmented like CIFAR-10.
    """

    dataset = "CIFAR100"
