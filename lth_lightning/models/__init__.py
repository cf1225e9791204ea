"""Layer 0: the networks of the papers, as plain modules that take their randomness from torch's global generator.

A constructor is the config schema. `torch.manual_seed(s)` before the call makes the network of seed s; calling the
constructor again under another seed is the reinitialisation. Every network takes `num_classes`, `width` (a multiplier
of all hidden widths; each keeps at least one channel) and `init`; those with batch norm also take `bn_weight`.
"""

from lth_lightning.models.cifar_resnet import CIFARResNet
from lth_lightning.models.conv import Conv
from lth_lightning.models.lenet import LeNet5, LeNet300100
from lth_lightning.models.mobilenet_v1 import MobileNetV1
from lth_lightning.models.mobilenet_v2 import MobileNetV2
from lth_lightning.models.mobilenet_v3 import MobileNetV3
from lth_lightning.models.resnet import ResNet
from lth_lightning.models.two_layer import TwoLayer
from lth_lightning.models.vgg import VGG
from lth_lightning.models.wide_resnet import WideResNet

__all__ = [
    "VGG",
    "CIFARResNet",
    "Conv",
    "LeNet5",
    "LeNet300100",
    "MobileNetV1",
    "MobileNetV2",
    "MobileNetV3",
    "ResNet",
    "TwoLayer",
    "WideResNet",
]
