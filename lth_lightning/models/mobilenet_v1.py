"""MobileNet, version 1."""

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn

from lth_lightning.models.initialisation import BNWeight, Init, initialise
from lth_lightning.models.layers import choose, conv_bn, global_average_pool, scaled

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


class MobileNetV1(nn.Module):
    """MobileNet of depthwise-separable convolutions: 3,217,226 parameters with 10 classes, 4,231,976 with 1000.

    Source: Howard et al., 2017, arXiv:1704.04861; the CIFAR stem as used by Ma et al., 2021, arXiv:2107.00166.
    Input (B, channels, H, W) of any size; output (B, num_classes).

    Args:
        num_classes: the number of outputs.
        channels: the number of input channels.
        width: multiplies the hidden widths.
        stem: the stride of the first convolution: 2 for `imagenet` (the last feature map is 1/32 of the image),
            1 for `cifar` (1/16).
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
        bn_weight: batch norm's scale starts at one or drawn from U[0, 1]; `none`: neither scale nor shift.
    """

    def __init__(
        self,
        num_classes: int = 10,
        channels: int = 3,
        width: float = 1.0,
        stem: Literal["cifar", "imagenet"] = "cifar",
        init: Init = "kaiming_fan_in",
        bn_weight: BNWeight = "one",
    ) -> None:
        super().__init__()
        inputs = scaled(32, width)
        self.stem = conv_bn(channels, inputs, stride=choose("stem", stem, {"cifar": 1, "imagenet": 2}), act=nn.ReLU())
        self.blocks = nn.Sequential()
        for units, stride in BLOCKS:
            outputs = scaled(units, width)
            self.blocks.append(_separable(inputs, outputs, stride))
            inputs = outputs
        self.pool = global_average_pool()
        self.head = nn.Linear(inputs, num_classes)
        initialise(self, init, bn_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        logits: Tensor = self.head(self.pool(self.blocks(self.stem(x))))
        return logits


def _separable(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            depthwise=conv_bn(inputs, inputs, stride=stride, groups=inputs, act=nn.ReLU()),
            pointwise=conv_bn(inputs, outputs, kernel=1, act=nn.ReLU()),
        )
    )
