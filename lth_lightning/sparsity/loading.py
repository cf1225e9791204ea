"""The mask that a finished training left."""

from pathlib import Path

import torch

from .mask import Mask


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
