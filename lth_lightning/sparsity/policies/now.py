"""The moment of a training at which a policy is asked."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ..moments import Clock
from ..sample import Draw, nothing


class Now(NamedTuple):
    """When a policy is asked, and what it may want to know then.

    Args:
        step: Number of completed optimizer steps.
        clock: How long the training is.
        lr: The next step's learning rate, as a share of the base rate.
        draw: Gives the training images that a `Sample` describes.
        decay: Weight name -> factor of the L2 term that the optimizer adds to its gradient, if it does.
        shape: An image's (C, H, W), if the data module tells.
        note: Keeps what the policy has to say of its move, as plain values; people are told.
    """

    step: int
    clock: Clock
    lr: float = 1.0
    draw: Draw = nothing
    decay: Mapping[str, float] = MappingProxyType({})
    shape: Sequence[int] | None = None
    note: Callable[[Mapping[str, Any]], None] = lambda told: None
