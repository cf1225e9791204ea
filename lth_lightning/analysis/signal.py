"""How far a signal comes through a network: what it makes of noise."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .forward import logits, still
from .statistics import batch_statistics


def logit_deviation(net: nn.Module, shape: Sequence[int], draws: torch.Generator, number: int = 500) -> float:
    """The standard deviation of all logits of a network for inputs drawn from N(0, 1).

    As Evci et al., 2022, arXiv:2010.03533, measure signal propagation at initialisation: over images and classes
    together. Batch norm, where there is any, normalises by the batch at hand, as in the first step of training; dropout
    is off. The network stays as it was.

    Args:
        net: The network or LightningModule, with the mask applied to its weights.
        shape: An image's (C, H, W).
        draws: Draws the images, on the CPU.
        number: How many, in one batch.
    """
    with still(net), batch_statistics(net):
        outputs: Tensor = logits(net, torch.randn(number, *shape, generator=draws))
    return float(outputs.double().std(correction=0))
