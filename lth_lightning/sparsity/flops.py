"""What a sparse network would cost to run and to train, if only its kept weights were multiplied: theory.

A mask alone saves nothing. Counted as in Evci et al., 2020, arXiv:1911.11134 (RigL): a multiplication and
an addition are two; those of convolutions and linear layers only, which padding does not reduce; the backward pass
takes twice the forward pass, once for the gradient of the activations and once for that of the weights.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from .criteria.scoring import undisturbed
from .mask import prunable


def layer_flops(net: nn.Module, shape: Sequence[int]) -> dict[str, int]:
    """The floating-point operations of a forward pass of one image, of each convolution and linear layer when dense.

    Biases, normalisation, activations and pooling are left out, and so are products of activations, as in attention.

    Args:
        net: The network or LightningModule; left as it was.
        shape: An image's (C, H, W).

    Returns:
        Name of each weight -> operations, twice its size at each position; a weight that is used twice counts twice.

    Example:
        >>> layer_flops(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(128, 10)), (3, 4, 4))
        {'0.weight': 6912, '2.weight': 2560}
    """
    names = {id(weight): name for name, weight in prunable(net).items()}
    counted = dict.fromkeys(names.values(), 0)

    def count(module: Any, images: tuple[Tensor, ...], out: Tensor) -> None:
        if isinstance(module, nn.Linear):
            positions = out[0].numel() // module.out_features
        else:  # a transposed convolution uses its kernel once for each pixel that comes in
            positions = prod((images[0] if module.transposed else out).shape[-len(module.kernel_size) :])
        counted[names[id(module.weight)]] += 2 * module.weight.numel() * positions

    layers = [module for module in net.modules() if isinstance(module, _ConvNd | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    place = next(net.parameters())
    try:
        with undisturbed(net, "eval"), torch.no_grad():
            net(torch.zeros(1, *shape, dtype=place.dtype, device=place.device))
    finally:
        for hook in hooks:
            hook.remove()
    return counted


def forward_flops(layers: Mapping[str, int], sizes: Mapping[str, int], kept: Mapping[str, int]) -> int:
    """The operations of a forward pass of one image with so many weights kept.

    Args:
        layers: Name of each weight -> operations when dense, as `layer_flops` counts them.
        sizes: Name -> number of weights, of those that may be pruned; the others are dense.
        kept: Name -> number of weights kept.
    """
    return sum(dense * kept[name] // sizes[name] if name in kept else dense for name, dense in layers.items())


def training_flops(
    layers: Mapping[str, int],
    sizes: Mapping[str, int],
    history: Sequence[tuple[int, Mapping[str, int]]],
    end: int,
    dense_gradients: int = 0,
) -> float:
    """The operations of a training, for one image of each of its batches.

    Three forward passes a step, each of the mask at the time. A step at which the dense gradient of all weights is
    computed, as RigL does to let weights grow, takes two of these and a dense one; with density constant and one such
    step after every dT others that is the (3 f_S dT + 2 f_S + f_D) / (dT + 1) a step of Evci et al., 2020.

    Args:
        layers: Name of each weight -> operations when dense, as `layer_flops` counts them.
        sizes: Name -> number of weights, of those that may be pruned.
        history: (completed steps, name -> number of weights kept from there on), at the start and after each change.
        end: Number of completed steps at the end.
        dense_gradients: Number of steps with a dense gradient; where the density changes they cost as on average.
    """
    total, mean = _forwards(layers, sizes, history, end)
    return 3 * total + dense_gradients * (sum(layers.values()) - mean)


def scoring_flops(
    layers: Mapping[str, int], sizes: Mapping[str, int], history: Sequence[tuple[int, Mapping[str, int]]], end: int
) -> float:
    """The operations of the dense gradient on one image that is no image of a step's own batch: 2 f_S + f_D.

    Args:
        layers: Name of each weight -> operations when dense, as `layer_flops` counts them.
        sizes: Name -> number of weights, of those that may be pruned.
        history: As of `training_flops`; where the density changes it costs as on average.
        end: Number of completed steps at the end.
    """
    return 2 * _forwards(layers, sizes, history, end)[1] + sum(layers.values())


def _forwards(
    layers: Mapping[str, int], sizes: Mapping[str, int], history: Sequence[tuple[int, Mapping[str, int]]], end: int
) -> tuple[int, float]:
    """The operations of a forward pass of each step, in all and on average."""
    moments = [*(step for step, _ in history), end]
    steps = [min(after, end) - min(before, end) for before, after in pairwise(moments)]
    sparse = [forward_flops(layers, sizes, kept) for _, kept in history]
    total = sum(count * forward for count, forward in zip(steps, sparse, strict=True))
    return total, total / sum(steps) if sum(steps) else 0.0
