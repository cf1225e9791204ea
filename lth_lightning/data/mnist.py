"""MNIST and Fashion-MNIST."""

from lth_lightning.data.downloaded import Downloaded


class MNIST(Downloaded):
    """60,000 training and 10,000 test images, grey 28x28, of hand-written digits (LeCun et al., 1998).

    Mean .1307 and standard deviation .3081; not augmented unless asked for.
    """

    dataset = "MNIST"


class FashionMNIST(Downloaded):
    """60,000 training and 10,000 test images, grey 28x28, of 10 kinds of clothes (Xiao et al., 2017, arXiv:1708.07747).

    Mean .2860 and standard deviation .3530; not augmented unless asked for.
    """

    dataset = "FashionMNIST"
