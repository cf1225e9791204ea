"""How a network's first weights are drawn."""

from math import sqrt
from typing import Literal, get_args

from torch import nn

Init = Literal["kaiming_fan_in", "kaiming_fan_out", "pytorch"]
BNWeight = Literal["one", "uniform", "none"]


def initialise(net: nn.Module, init: Init, bn_weight: BNWeight = "one") -> None:
    """Draw the weights of a network anew, from torch's global generator.

    Kaiming: w ~ N(0, 2 / fan) for convolutions and linear layers, biases zero (He et al., 2015, arXiv:1502.01852).
    The fan counts the connections of one unit, so `kaiming_fan_out` divides by the groups of a convolution, which
    `torch.nn.init.kaiming_normal_` does not: a depthwise 3x3 convolution has fan_in = fan_out = 9.

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
            nn.init.normal_(layer.weight, std=sqrt(2 / _fan(layer, init)))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d) and bn_weight == "uniform":
            nn.init.uniform_(layer.weight)
        elif isinstance(layer, nn.BatchNorm2d) and bn_weight == "none":
            layer.affine = False
            layer.register_parameter("weight", None)
            layer.register_parameter("bias", None)


def _fan(layer: nn.Conv2d | nn.Linear, init: Init) -> int:
    if init == "kaiming_fan_in":
        return layer.weight[0].numel()
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    return layer.weight[:, 0].numel() // groups
