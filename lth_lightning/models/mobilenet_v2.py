"""MobileNet, version 2."""

from typing import Literal

from torch import Tensor, nn

from lth_lightning.models.initialisation import BNWeight, Init, initialise
from lth_lightning.models.layers import choose, conv_bn, global_average_pool, scaled

# Rows of table 2 of Sandler et al.: expansion, channels, blocks, stride of the first block.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class MobileNetV2(nn.Module):
    """MobileNet of inverted residual blocks: 2,236,682 parameters with 10 classes, 3,504,872 with 1000.

    Source: Sandler et al., 2018, arXiv:1801.04381, without its dropout. Input (B, channels, H, W) of any size; output
    (B, num_classes).

    Args:
        num_classes: the number of outputs.
        channels: the number of input channels.
        width: multiplies the hidden widths, the last 1280 too, without rounding them to multiples of 8.
        stem: `imagenet`: the first convolution and the second stage have stride 2 (the last feature map is 1/32 of
            the image); `cifar`: they have stride 1 (1/8).
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
        early_stride = choose("stem", stem, {"cifar": 1, "imagenet": 2})
        inputs, last = scaled(32, width), scaled(1280, width)
        self.stem = conv_bn(channels, inputs, stride=early_stride, act=nn.ReLU6())
        self.stages = nn.Sequential()
        for stage, (expansion, units, count, stride) in enumerate(STAGES):
            outputs, blocks = scaled(units, width), nn.Sequential()
            for i in range(count):
                step = (early_stride if stage == 1 else stride) if i == 0 else 1
                blocks.append(InvertedResidual(inputs, outputs, step, expansion, residual=i > 0))
                inputs = outputs
            self.stages.append(blocks)
        self.last = conv_bn(inputs, last, kernel=1, act=nn.ReLU6())
        self.pool = global_average_pool()
        self.head = nn.Linear(last, num_classes)
        initialise(self, init, bn_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        logits: Tensor = self.head(self.pool(self.last(self.stages(self.stem(x)))))
        return logits


class InvertedResidual(nn.Module):
    """Expand by a 1x1, filter by a depthwise 3x3, project by a linear 1x1 convolution.

    Args:
        inputs: the number of input channels.
        outputs: the number of output channels.
        stride: of the depthwise convolution.
        expansion: the ratio of inner to input channels; 1 leaves out the expanding convolution.
        residual: whether the input is added to the output. It is given, not found by comparing channels, so that the
            same blocks have a skip connection at every width.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, residual: bool) -> None:
        super().__init__()
        inner = inputs * expansion
        self.residual = residual
        self.expand = nn.Identity() if expansion == 1 else conv_bn(inputs, inner, kernel=1, act=nn.ReLU6())
        self.depthwise = conv_bn(inner, inner, stride=stride, groups=inner, act=nn.ReLU6())
        self.project = conv_bn(inner, outputs, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, ceil(H/stride), ceil(W/stride))."""
        out: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + out if self.residual else out
