"""The residual networks for ImageNet, also with a stem for small images."""

from typing import Literal

from torch import Tensor, nn

from lth_lightning.models.initialisation import BNWeight, Init, initialise
from lth_lightning.models.layers import choose, conv_bn, global_average_pool, scaled
from lth_lightning.models.residual import BasicBlock, Bottleneck

Block = type[BasicBlock] | type[Bottleneck]
BLOCKS: dict[int, tuple[Block, tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}


class ResNet(nn.Module):
    """ResNet-18, 34 or 50: 11,689,512, 21,797,672 or 25,557,032 parameters on ImageNet (1000 classes).

    Source: He et al., 2016, arXiv:1512.03385; projection shortcuts, and in ResNet-50 the stride in the 3x3
    convolution, as torchvision has it. With the CIFAR stem and 10 classes: 11,173,962, 21,282,122 or 23,520,842.
    Input (B, channels, H, W) of any size; output (B, num_classes).

    Args:
        depth: the number of layers with weights, projections not counted.
        num_classes: the number of outputs.
        channels: the number of input channels.
        width: multiplies the hidden widths.
        stem: `imagenet`: a 7x7 convolution of stride 2 and a max-pool; `cifar`: a 3x3 convolution of stride 1.
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
        bn_weight: batch norm's scale starts at one or drawn from U[0, 1]; `none`: neither scale nor shift.
        zero_residual: whether the scale of the last batch norm of each block starts at zero, so that a block starts as
            its skip connection (Goyal et al., 2017, arXiv:1706.02677).
    """

    def __init__(
        self,
        depth: Literal[18, 34, 50] = 18,
        num_classes: int = 10,
        channels: int = 3,
        width: float = 1.0,
        stem: Literal["cifar", "imagenet"] = "cifar",
        init: Init = "kaiming_fan_in",
        bn_weight: BNWeight = "one",
        zero_residual: bool = False,
    ) -> None:
        super().__init__()
        if zero_residual and bn_weight == "none":
            raise ValueError("zero_residual=True sets batch norm's scale to zero, but bn_weight=none leaves it none")
        block, counts = choose("depth", depth, BLOCKS)
        inputs = scaled(64, width)
        self.stem = choose("stem", stem, {"cifar": _cifar_stem, "imagenet": _imagenet_stem})(channels, inputs)
        self.stages = nn.Sequential()
        for stage, count in enumerate(counts):
            outputs, blocks = scaled(64 * 2**stage, width) * block.expansion, nn.Sequential()
            for i in range(count):
                blocks.append(block(inputs, outputs, stride=2 if stage > 0 and i == 0 else 1))
                inputs = outputs
            self.stages.append(blocks)
        self.pool = global_average_pool()
        self.head = nn.Linear(inputs, num_classes)
        initialise(self, init, bn_weight)
        for each in self.modules() if zero_residual else ():
            if isinstance(each, BasicBlock | Bottleneck):
                nn.init.zeros_(each.last_bn.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        logits: Tensor = self.head(self.pool(self.stages(self.stem(x))))
        return logits


def _cifar_stem(channels: int, outputs: int) -> nn.Sequential:
    return conv_bn(channels, outputs, act=nn.ReLU())


def _imagenet_stem(channels: int, outputs: int) -> nn.Sequential:
    stem = conv_bn(channels, outputs, kernel=7, stride=2, act=nn.ReLU())
    stem.add_module("pool", nn.MaxPool2d(3, 2, padding=1))
    return stem
