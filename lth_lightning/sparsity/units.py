"""Units of a layer: the channels of a convolution and the neurons of a linear layer, with what comes into each."""

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd


def owner(net: nn.Module, name: str) -> nn.Module:
    """The module whose weight has this name."""
    return net.get_submodule(name.rpartition(".")[0])


def by_unit(module: nn.Module, entries: Tensor) -> Tensor:
    """The entries of a convolution's or linear layer's weight, one row for each unit; (units, incoming).

    Args:
        module: The layer.
        entries: Of the weight's shape: out x in / groups x kernel, and if it is transposed in x out / groups x kernel.
    """
    if isinstance(module, _ConvTransposeNd):
        entries = entries.reshape(module.groups, -1, *entries.shape[1:]).transpose(1, 2).flatten(0, 1)
    return entries.flatten(1)
