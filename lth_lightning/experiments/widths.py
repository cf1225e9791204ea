"""How wide a network of a given number of parameters is."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from ..training import Seeds

if TYPE_CHECKING:
    from .building import Build

HALVINGS = 14  # widths to one part in 16,000: finer than the channels of any layer


def parameters(build: "Build", seeds: Seeds, width: float) -> int:
    """Number of parameters of the module that is built with a share of its width; no memory is taken for them."""
    with torch.device("meta"):
        module = build(seeds, seeds.init, width).module
    return sum(parameter.numel() for parameter in module.parameters())


def narrowed(size: Callable[[float], int], fewer: int) -> float:
    """The largest share of a width, up to rounding, that leaves at least so many parameters fewer.

    Args:
        size: Share of the width -> number of parameters; does not fall where the share grows.
        fewer: Number of parameters to do without.

    Raises:
        ValueError: If even the narrowest network has too many.

    Example:
        >>> narrowed(lambda width: int(width * 100), 25)
        0.7599...
    """
    if fewer == 0:
        return 1.0
    refuse_too_few(size, fewer)
    most = size(1.0) - fewer
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if size(middle) <= most else (low, middle)
    return low


def refuse_too_few(size: Callable[[float], int], fewer: int) -> None:
    """Raise a ValueError if even the narrowest network has too many parameters.

    Args:
        size: Share of the width -> number of parameters; does not fall where the share grows.
        fewer: Number of parameters to do without.
    """
    most, least = size(1.0) - fewer, size(2.0**-HALVINGS)
    if least > most:
        raise ValueError(
            f"no network of this kind is narrow enough for {most:,} parameters (the narrowest has {least:,}): "
            "leave the control SmallDense out, or ask for a higher density"
        )
