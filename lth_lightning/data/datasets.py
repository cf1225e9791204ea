"""All data sets, one line each."""

from lth_lightning.data.cifar import CIFAR10, CIFAR100
from lth_lightning.data.digits import Digits
from lth_lightning.data.folder import Folder
from lth_lightning.data.mnist import MNIST, FashionMNIST
from lth_lightning.data.module import ArrayDataModule
from lth_lightning.data.npz import Npz

__all__ = ["CIFAR10", "CIFAR100", "MNIST", "ArrayDataModule", "Digits", "FashionMNIST", "Folder", "Npz"]
