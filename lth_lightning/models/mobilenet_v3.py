"""MobileNet, version 3."""

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import relu6

from lth_lightning.models.initialisation import BNWeight, Init, initialise
from lth_lightning.models.layers import choose, conv_bn, global_average_pool, scaled

# Rows of tables 1 and 2 of Howard et al.: kernel, inner channels, channels, squeeze-and-excite, h-swish, stride.
LARGE = (
    *((3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1)),
    *((5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1)),
    *((3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1)),
    *((3, 184, 80, False, True, 1), (3, 184, 80, False, True, 1)),
    *((3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1)),
    *((5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1)),
)
SMALL = (
    *((3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1)),
    *((5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1)),
    *((5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1)),
    *((5, 288, 96, True, True, 2), (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1)),
)
LAST = {"large": 1280, "small": 1024}  # channels between the pooled features and the head


class MobileNetV3(nn.Module):
    """MobileNet of inverted residual blocks, some with squeeze-and-excite: 5,483,032 parameters, small 2,542,856.

    These are with 1000 classes; with 10 they are 4,214,842 and 1,528,106. Source: Howard et al., 2019,
    arXiv:1905.02244, without its dropout, and with batch norm as torch has it (the paper averages over ten times as
    many batches). Input (B, channels, H, W) of any size; output (B, num_classes).

    Args:
        variant: `large` or `small`, 15 or 11 blocks.
        num_classes: the number of outputs.
        channels: the number of input channels.
        width: multiplies the hidden widths, without rounding them to multiples of 8.
        stem: `imagenet`: the first convolution and the first block that halves its input have stride 2 (the last
            feature map is 1/32 of the image); `cifar`: they have stride 1 (1/8).
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
        bn_weight: batch norm's scale starts at one or drawn from U[0, 1]; `none`: neither scale nor shift.

    Raises:
        ValueError: for another variant, stem, init or bn_weight, or a width that is not positive.
    """

    def __init__(
        self,
        variant: Literal["large", "small"] = "large",
        num_classes: int = 10,
        channels: int = 3,
        width: float = 1.0,
        stem: Literal["cifar", "imagenet"] = "cifar",
        init: Init = "kaiming_fan_in",
        bn_weight: BNWeight = "one",
    ) -> None:
        super().__init__()
        rows = choose("variant", variant, {"large": LARGE, "small": SMALL})
        early_stride = choose("stem", stem, {"cifar": 1, "imagenet": 2})
        halving = next(i for i, row in enumerate(rows) if row[-1] == 2)
        self.stem = conv_bn(channels, scaled(16, width), stride=early_stride, act=nn.Hardswish())
        self.blocks, inputs = nn.Sequential(), 16
        for i, (kernel, inner, outputs, gated, swish, stride) in enumerate(rows):
            block = GatedResidual(
                *(scaled(inputs, width), scaled(inner, width), scaled(outputs, width)),
                kernel=kernel,
                stride=early_stride if i == halving else stride,
                expand=inner != inputs,
                squeezed=scaled(rounded_to_8(inner // 4), width) if gated else None,
                swish=swish,
                residual=stride == 1 and inputs == outputs,
            )
            self.blocks.append(block)
            inputs = outputs
        features, last = scaled(6 * inputs, width), scaled(LAST[variant], width)
        self.last = conv_bn(scaled(inputs, width), features, kernel=1, act=nn.Hardswish())
        self.pool = global_average_pool()
        self.hidden, self.act = nn.Linear(features, last), nn.Hardswish()
        self.head = nn.Linear(last, num_classes)
        initialise(self, init, bn_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        features = self.pool(self.last(self.blocks(self.stem(x))))
        logits: Tensor = self.head(self.act(self.hidden(features)))
        return logits


class GatedResidual(nn.Module):
    """Expand by a 1x1, filter by a depthwise, gate by squeeze-and-excite, project by a linear 1x1 convolution.

    Args:
        inputs: the number of input channels.
        inner: the number of channels of the depthwise convolution.
        outputs: the number of output channels.
        kernel: the side of the depthwise convolution.
        stride: of the depthwise convolution.
        expand: whether there is an expanding convolution.
        squeezed: the number of hidden channels of squeeze-and-excite; None leaves it out.
        swish: h-swish in place of ReLU.
        residual: whether the input is added to the output; given, so that it is the same at every width and stem.
    """

    def __init__(
        self,
        inputs: int,
        inner: int,
        outputs: int,
        kernel: int,
        stride: int,
        expand: bool,
        squeezed: int | None,
        swish: bool,
        residual: bool,
    ) -> None:
        super().__init__()
        act = nn.Hardswish if swish else nn.ReLU
        self.residual = residual
        self.expand = conv_bn(inputs, inner, kernel=1, act=act()) if expand else nn.Identity()
        self.depthwise = conv_bn(inner, inner, kernel, stride, groups=inner, act=act())
        self.gate = nn.Identity() if squeezed is None else SqueezeExcite(inner, squeezed)
        self.project = conv_bn(inner, outputs, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, ceil(H/stride), ceil(W/stride))."""
        out: Tensor = self.project(self.gate(self.depthwise(self.expand(x))))
        return x + out if self.residual else out


class SqueezeExcite(nn.Module):
    """Multiply each channel by a gate that two layers make from the means of all channels.

    x * hardsigmoid(fc2(relu(fc1(mean of x)))). Source: Hu et al., 2018, arXiv:1709.01507, with Howard et al.'s hard
    sigmoid, min(max(x + 3, 0), 6) / 6.

    Args:
        channels: the number of channels.
        squeezed: the number of hidden channels.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        layers = {"pool": nn.AdaptiveAvgPool2d(1), "fc1": nn.Conv2d(channels, squeezed, 1), "act": nn.ReLU()}
        layers |= {"fc2": nn.Conv2d(squeezed, channels, 1), "sigmoid": HardSigmoid()}
        self.gates = nn.Sequential(OrderedDict(layers))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        gates: Tensor = self.gates(x)
        return x * gates


class HardSigmoid(nn.Module):
    """relu6(x + 3) / 6; torch's own cannot be differentiated twice, as GraSP and the Hessian do."""

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to itself."""
        return relu6(x + 3) / 6


def rounded_to_8(channels: int) -> int:
    """The multiple of 8 next to a number of channels, not more than a tenth below it.

    Example:
        >>> [rounded_to_8(channels) for channels in (4, 18, 30, 120)]
        [8, 24, 32, 120]
    """
    near = max(8, (channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near
