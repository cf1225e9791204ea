"""VGG with a single linear layer, in its CIFAR form with batch norm, and without."""

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn

from lth_lightning.models.initialisation import BNWeight, Init, initialise
from lth_lightning.models.layers import choose, conv_bn, global_average_pool, scaled

CONVS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """VGG with a single linear layer behind a global average, with batch norm or without.

    Source: Simonyan & Zisserman, 2015, arXiv:1409.1556; the CIFAR form of Frankle et al., 2020, arXiv:1912.05671,
    and (depth 19) Su et al., 2020, arXiv:2009.11094. Parameters on CIFAR-10: 9,231,114 (depth 11), 9,416,010 (13),
    14,728,266 (16), 20,040,522 (19); depth 16 without convolution biases, as in Ma et al., 2021, arXiv:2107.00166:
    14,724,042. Input (B, channels, H, W) with H, W >= 16, or 32 with five max-pools; output (B, num_classes).

    With `batch_norm=False, pools=5` and depth 16 it is the convolutional network on ImageNet of Evci et al., 2022,
    arXiv:2010.03533, with 15,227,688 parameters; their classifier, a 1x1 convolution, is this linear layer.

    Args:
        depth: the number of layers with weights in the original; here the three linear ones are one.
        num_classes: the number of outputs.
        channels: the number of input channels.
        width: multiplies the hidden widths.
        conv_bias: whether convolutions have a bias, which the batch norm behind them cancels.
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
        bn_weight: batch norm's scale starts at one or drawn from U[0, 1]; `none`: neither scale nor shift.
        batch_norm: whether there is batch norm behind every convolution.
        pools: the number of max-pools, one behind each stage: 4, or 5 as in the original.
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
        batch_norm: bool = True,
        pools: Literal[4, 5] = 4,
    ) -> None:
        super().__init__()
        if not batch_norm and not conv_bias:
            raise ValueError("batch_norm=False and conv_bias=False leave convolutions no bias: leave one of them true")
        choose("pools", pools, {4: 4, 5: 5})
        build = conv_bn if batch_norm else _conv
        inputs = channels
        self.stages = nn.Sequential()
        for units, convs in zip(WIDTHS, choose("depth", depth, CONVS), strict=True):
            outputs, stage = scaled(units, width), nn.Sequential()
            for _ in range(convs):
                stage.append(build(inputs, outputs, bias=conv_bias, act=nn.ReLU()))
                inputs = outputs
            if len(self.stages) < pools:
                stage.append(nn.MaxPool2d(2))
            self.stages.append(stage)
        self.pool = global_average_pool()
        self.head = nn.Linear(inputs, num_classes)
        initialise(self, init, bn_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        logits: Tensor = self.head(self.pool(self.stages(x)))
        return logits


def _conv(inputs: int, outputs: int, bias: bool, act: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias), act=act))
