"""A mask that is given and never moves."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ..loading import load_mask
from ..mask import Mask
from ..sample import Draw, nothing
from .base import Policy


@dataclass(frozen=True)
class Fixed(Policy):
    """Train under a given mask.

    Args:
        mask: The mask, or the path of a finished training's `result.pt`, whose mask is used.
    """

    mask: Mask | str | Path

    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        """The given mask.

        Raises:
            ValueError: If it belongs to another network.
        """
        mask = self.mask if isinstance(self.mask, Mask) else load_mask(Path(self.mask))
        mask.check(weights)
        return mask
