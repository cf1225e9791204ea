"""The blocks of residual networks."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from lth_lightning.models.layers import conv_bn

Shortcut = Literal["projection", "parameter_free"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a skip connection (He et al., 2016, arXiv:1512.03385).

    Args:
        inputs: the number of input channels.
        outputs: the number of output channels.
        stride: of the first convolution.
        shortcut: how the skip connection changes shape where it must.
        residual: whether there is a skip connection.
    """

    expansion = 1

    def __init__(
        self, inputs: int, outputs: int, stride: int, shortcut: Shortcut = "projection", residual: bool = True
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(outputs), nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2, self.act2 = nn.BatchNorm2d(outputs), nn.ReLU()
        self.shortcut = _shortcut(inputs, outputs, stride, shortcut) if residual else None

    @property
    def last_bn(self) -> nn.BatchNorm2d:
        """The batch norm that ends in the sum with the skip connection."""
        return self.bn2

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, ceil(H/stride), ceil(W/stride))."""
        out: Tensor = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))
        if self.shortcut is not None:
            out = out + self.shortcut(x)
        out = self.act2(out)
        return out


class Bottleneck(nn.Module):
    """A 1x1, a 3x3 (which has the stride) and a 1x1 convolution around a skip connection with projections.

    Args:
        inputs: the number of input channels.
        outputs: the number of output channels, a multiple of 4.
        stride: of the 3x3 convolution.
    """

    expansion = 4

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = outputs // self.expansion
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(inner), nn.ReLU()
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False)
        self.bn2, self.act2 = nn.BatchNorm2d(inner), nn.ReLU()
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3, self.act3 = nn.BatchNorm2d(outputs), nn.ReLU()
        self.shortcut = _shortcut(inputs, outputs, stride, "projection")

    @property
    def last_bn(self) -> nn.BatchNorm2d:
        """The batch norm that ends in the sum with the skip connection."""
        return self.bn3

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, ceil(H/stride), ceil(W/stride))."""
        out = self.act1(self.bn1(self.conv1(x)))
        out = self.act2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out)) + self.shortcut(x)
        result: Tensor = self.act3(out)
        return result


class StrideAndPad(nn.Module):
    """The skip connection without parameters: every `stride`-th pixel, and channels of zeros appended.

    Args:
        stride: in both directions.
        extra: the number of channels to append.
    """

    def __init__(self, stride: int, extra: int) -> None:
        super().__init__()
        self.stride = stride
        self.extra = extra

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C + extra, ceil(H/stride), ceil(W/stride))."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


def _shortcut(inputs: int, outputs: int, stride: int, kind: Shortcut) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if kind == "projection":
        return conv_bn(inputs, outputs, kernel=1, stride=stride)
    return StrideAndPad(stride, outputs - inputs)
