"""Small networks of every kind, and the images that they take."""

import torch
from torch import nn

from lth_lightning.models import VGG, CIFARResNet, LeNet5, LeNet300100, MobileNetV2, MobileNetV3

torch.manual_seed(0)
SMALL: list[tuple[nn.Module, tuple[int, ...]]] = [
    (LeNet300100(inputs=16, width=0.05), (1, 4, 4)),
    (LeNet5(size=16, width=0.5), (1, 16, 16)),
    (VGG(11, width=0.05), (3, 32, 32)),
    (CIFARResNet(8, width=0.3), (3, 8, 8)),
    (MobileNetV2(width=0.1), (3, 16, 16)),
    (MobileNetV3("small", width=0.2), (3, 16, 16)),
]
