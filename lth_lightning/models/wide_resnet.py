"""Wide residual networks for small images: WRN-22-2, WRN-28-10 and any other depth 6n + 4."""

from torch import Tensor, nn

from lth_lightning.models.initialisation import BNWeight, Init, initialise
from lth_lightning.models.layers import global_average_pool, scaled
from lth_lightning.models.pre_activation import PreActivationBlock


class WideResNet(nn.Module):
    """A pre-activation residual network of depth 6n + 4: n blocks in each of three stages of 16, 32 and 64 times k.

    Source: Zagoruyko & Komodakis, 2016, arXiv:1605.07146. WRN-22-2 is the network on CIFAR-10 of Evci et al., 2020,
    arXiv:1911.11134 (RigL). Input (B, channels, H, W) of any size; output (B, num_classes).

    Args:
        depth: the number of layers with weights, projections not counted: 10, 16, 22, 28, 40...
        widen: k: how many times wider the stages are than the first convolution, of 16 channels, and its doublings.
        dropout: the probability of a channel's value to be dropped between the two convolutions of a block.
        num_classes: the number of outputs.
        channels: the number of input channels.
        width: multiplies all hidden widths, that of the first convolution too.
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
        bn_weight: batch norm's scale starts at one or drawn from U[0, 1]; `none`: neither scale nor shift.
    """

    def __init__(
        self,
        depth: int = 22,
        widen: int = 2,
        dropout: float = 0.0,
        num_classes: int = 10,
        channels: int = 3,
        width: float = 1.0,
        init: Init = "kaiming_fan_in",
        bn_weight: BNWeight = "one",
    ) -> None:
        super().__init__()
        if depth < 10 or depth % 6 != 4:
            raise ValueError(f"a wide ResNet has depth 6n + 4, that is 10, 16, 22, 28, 34..., not {depth}")
        if widen < 1:
            raise ValueError(f"widen is how many times wider the stages are, 1 or more, not {widen}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is the probability of a value to be dropped, from 0 to below 1, not {dropout}")
        inputs = scaled(16, width)
        self.stem = nn.Conv2d(channels, inputs, 3, padding=1, bias=False)
        self.stages = nn.Sequential()
        for stage in range(3):
            outputs, blocks = scaled(16 * 2**stage * widen, width), nn.Sequential()
            for block in range((depth - 4) // 6):
                stride, project = 2 if stage > 0 and block == 0 else 1, block == 0 and (stage > 0 or widen > 1)
                blocks.append(PreActivationBlock(inputs, outputs, stride, project, dropout))
                inputs = outputs
            self.stages.append(blocks)
        self.bn, self.act = nn.BatchNorm2d(inputs), nn.ReLU()
        self.pool = global_average_pool()
        self.head = nn.Linear(inputs, num_classes)
        initialise(self, init, bn_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        logits: Tensor = self.head(self.pool(self.act(self.bn(self.stages(self.stem(x))))))
        return logits
