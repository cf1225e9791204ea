"""How a network's first weights are drawn."""

from math import sqrt
from typing import Literal, get_args

from torch import nn

Init = Literal["kaiming_fan_in", "kaiming_fan_out", "glorot_uniform", "pytorch"]
BNWeight = Literal["one", "uniform", "none"]


def initialise(net: nn.Module, init: Init, bn_weight: BNWeight = "one") -> None:
    """Draw the weights of a network anew, from torch's global generator.

    Kaiming: w ~ N(0, 2 / fan) for convolutions and linear layers, biases zero (He et al., 2015, arXiv:1502.01852).
    The fan counts the connections of one unit, so `kaiming_fan_out` divides by the groups of a convolution, which
    `torch.nn.init.kaiming_normal_` does not: a depthwise 3x3 convolution has fan_in = fan_out = 9.
    Glorot: w ~ U[-a, a], a^2 = 6 / (fan_in + fan_out), biases zero (Glorot & Bengio, 2010, AISTATS), Keras's default.

    Args:
        net: the network, changed in place.
        init: `pytorch` keeps what torch's layers drew when they were made.
        bn_weight: batch norm's scale starts at one, or drawn from U[0, 1], its shift at zero; with `none`, batch norm
            has neither scale nor shift.

    Raises:
        ValueError: for another `init` or `bn_weight`.
    """
    if init not in get_args(Init):
        raise ValueError(f"init is one of {', '.join(get_args(Init))}, not {init!r}")
    if bn_weight not in get_args(BNWeight):
        raise ValueError(f"bn_weight is one of {', '.join(get_args(BNWeight))}, not {bn_weight!r}")
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and init != "pytorch":
            _draw(layer, init)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d) and bn_weight == "uniform":
            nn.init.uniform_(layer.weight)
        elif isinstance(layer, nn.BatchNorm2d) and bn_weight == "none":
            layer.affine = False
            layer.register_parameter("weight", None)
            layer.register_parameter("bias", None)


def _draw(layer: nn.Conv2d | nn.Linear, init: Init) -> None:
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    fan_in, fan_out = layer.weight[0].numel(), layer.weight[:, 0].numel() // groups
    if init == "glorot_uniform":
        end = sqrt(6 / (fan_in + fan_out))
        nn.init.uniform_(layer.weight, -end, end)
    else:
        nn.init.normal_(layer.weight, std=sqrt(2 / (fan_in if init == "kaiming_fan_in" else fan_out)))
