"""A mask that is given and never moves."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ..mask import Mask
from .base import Policy


@dataclass(frozen=True)
class Fixed(Policy):
    """Train under a given mask.

    Args:
        mask: The mask, or the path of a finished training's `result.pt`, whose mask is used.
    """

    mask: Mask | str | Path

    def start(self, net: nn.Module, weights: Mask) -> Mask:
        """The given mask.

        Raises:
            ValueError: If it belongs to another network.
        """
        mask = self.mask if isinstance(self.mask, Mask) else load_mask(Path(self.mask))
        mask.check(weights)
        return mask


def load_mask(path: Path) -> Mask:
    """The mask of a finished training.

    Args:
        path: A training's `result.pt`.

    Raises:
        ValueError: If the file holds no mask.
    """
    try:
        return Mask(torch.load(path, weights_only=True, map_location="cpu")["mask"])
    except FileNotFoundError:
        raise
    except Exception as error:  # torch.load raises what the damaged byte happens to cause
        raise ValueError(f"{path} holds no mask: give the result.pt of a finished training") from error
