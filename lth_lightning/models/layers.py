"""The pieces that the networks share."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeVar

from torch import nn

K = TypeVar("K")
V = TypeVar("V")


def choose(name: str, value: K, choices: Mapping[K, V]) -> V:
    """Look up what a constructor's argument stands for.

    Raises:
        ValueError: for a value that is not among the choices.
    """
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(map(str, choices))}, not {value!r}")
    return choices[value]


def scaled(channels: int, width: float) -> int:
    """Multiply a hidden width, rounding to the nearest integer but never below one channel.

    Raises:
        ValueError: unless `width` is positive.
    """
    if not width > 0:
        raise ValueError(f"width multiplies the hidden widths and must be positive, not {width}")
    return max(1, round(channels * width))


def conv_bn(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    bias: bool = False,
    act: nn.Module | None = None,
) -> nn.Sequential:
    """Build `conv`, `bn` and, where given, `act`: (B, inputs, H, W) to (B, outputs, ceil(H/stride), ceil(W/stride))."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=bias)
    layers: OrderedDict[str, nn.Module] = OrderedDict(conv=conv, bn=nn.BatchNorm2d(outputs))
    if act is not None:
        layers["act"] = act
    return nn.Sequential(layers)


def global_average_pool() -> nn.Sequential:
    """Average over space: (B, C, H, W) to (B, C) for any H and W."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
