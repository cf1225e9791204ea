"""VGG with batch norm, in its CIFAR form."""

from typing import Literal

from torch import Tensor, nn

from lth_lightning.models.initialisation import BNWeight, Init, initialise
from lth_lightning.models.layers import choose, conv_bn, global_average_pool, scaled

CONVS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """VGG with batch norm and a single linear layer.

    Source: Simonyan & Zisserman, 2015, arXiv:1409.1556; the CIFAR form of Frankle et al., 2020, arXiv:1912.05671,
    and (depth 19) Su et al., 2020, arXiv:2009.11094. Parameters on CIFAR-10: 9,231,114 (depth 11), 9,416,010 (13),
    14,728,266 (16), 20,040,522 (19); depth 16 without convolution biases, as in Ma et al., 2021, arXiv:2107.00166:
    14,724,042. Four max-pools, then a global average: input (B, channels, H, W) with H, W >= 16; output
    (B, num_classes).

    Args:
        depth: the number of layers with weights in the original; here the three linear ones are one.
        num_classes: the number of outputs.
        channels: the number of input channels.
        width: multiplies the hidden widths.
        conv_bias: whether convolutions have a bias, which the batch norm behind them cancels.
        init: how weights are drawn: Kaiming normal (biases zero), or torch's own default.
        bn_weight: batch norm's scale starts at one or drawn from U[0, 1]; `none`: neither scale nor shift.
    """

    def __init__(
        self,
        depth: Literal[11, 13, 16, 19] = 16,
        num_classes: int = 10,
        channels: int = 3,
        width: float = 1.0,
        conv_bias: bool = True,
        init: Init = "kaiming_fan_in",
        bn_weight: BNWeight = "one",
    ) -> None:
        super().__init__()
        inputs = channels
        self.stages = nn.Sequential()
        for units, convs in zip(WIDTHS, choose("depth", depth, CONVS), strict=True):
            outputs, stage = scaled(units, width), nn.Sequential()
            for _ in range(convs):
                stage.append(conv_bn(inputs, outputs, bias=conv_bias, act=nn.ReLU()))
                inputs = outputs
            if len(self.stages) < len(WIDTHS) - 1:
                stage.append(nn.MaxPool2d(2))
            self.stages.append(stage)
        self.pool = global_average_pool()
        self.head = nn.Linear(inputs, num_classes)
        initialise(self, init, bn_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        logits: Tensor = self.head(self.pool(self.stages(x)))
        return logits
