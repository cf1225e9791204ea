"""The residual networks for CIFAR: ResNet-20, 32, 44, 56, 110 and any other depth 6n + 2."""

from typing import get_args

from torch import Tensor, nn

from lth_lightning.models.initialisation import BNWeight, Init, initialise
from lth_lightning.models.layers import conv_bn, global_average_pool, scaled
from lth_lightning.models.residual import BasicBlock, Shortcut


class CIFARResNet(nn.Module):
    """ResNet for small images, of depth 6n + 2: n basic blocks in each of three stages of 16, 32 and 64 channels.

    Source: He et al., 2016, arXiv:1512.03385, section 4.2; with projections as in Frankle et al., 2020,
    arXiv:1912.05671. Parameters on CIFAR-10: 272,474 (depth 20), 466,906 (32), 661,338 (44), 855,770 (56),
    1,730,714 (110); 2,752 fewer with parameter-free shortcuts. The ResNet-32 of Ma et al., 2021, arXiv:2107.00166,
    and Su et al., 2020, arXiv:2009.11094, has `width=2` and 1,860,522. Input (B, channels, H, W) of any size; output
    (B, num_classes).

    Args:
        depth: the number of layers with weights, projections not counted: 8, 14, 20, 26, 32...
        num_classes: the number of outputs.
        channels: the number of input channels.
        width: multiplies the hidden widths.
        shortcut: what a skip connection does where a stage begins: a 1x1 convolution with batch norm (option B of
            He et al.), or stride and zero-padding (option A).
        residual: whether there are skip connections.
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
        bn_weight: batch norm's scale starts at one or drawn from U[0, 1]; `none`: neither scale nor shift.
    """

    def __init__(
        self,
        depth: int = 20,
        num_classes: int = 10,
        channels: int = 3,
        width: float = 1.0,
        shortcut: Shortcut = "projection",
        residual: bool = True,
        init: Init = "kaiming_fan_in",
        bn_weight: BNWeight = "one",
    ) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"a CIFAR ResNet has depth 6n + 2, that is 8, 14, 20, 26, 32..., not {depth}")
        if shortcut not in get_args(Shortcut):
            raise ValueError(f"shortcut is one of {', '.join(get_args(Shortcut))}, not {shortcut!r}")
        inputs = scaled(16, width)
        self.stem = conv_bn(channels, inputs, act=nn.ReLU())
        self.stages = nn.Sequential()
        for stage, units in enumerate((16, 32, 64)):
            outputs, blocks = scaled(units, width), nn.Sequential()
            for block in range((depth - 2) // 6):
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(BasicBlock(inputs, outputs, stride, shortcut, residual))
                inputs = outputs
            self.stages.append(blocks)
        self.pool = global_average_pool()
        self.head = nn.Linear(inputs, num_classes)
        initialise(self, init, bn_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        logits: Tensor = self.head(self.pool(self.stages(self.stem(x))))
        return logits
