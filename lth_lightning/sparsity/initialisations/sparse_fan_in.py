"""By how many of the weights that come into a unit are kept."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..seeds import generator
from ..units import by_unit
from .base import Initialisation


@dataclass(frozen=True)
class SparseFanIn(Initialisation):
    """Draw the weights that come into a unit from N(0, scale / n), n being how many of them the mask keeps.

    The sparse initialisation of Evci et al., 2022, arXiv:2010.03533. A unit is a neuron, or a filter of a convolution,
    whose n counts the kept weights of all its input channels; one without any stays at zero. With a dense mask it is
    the initialisation of He et al., 2015, arXiv:1502.01852.

    Args:
        scale: The variance times n: 2, as in the paper's text, for ReLU; its released code has 1.

    Raises:
        ValueError: Unless the scale is positive.
    """

    scale: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.scale < float("inf"):
            raise ValueError(
                f"scale is the variance times the number of incoming weights, a positive number such as 2, "
                f"not {self.scale}"
            )

    def weight(self, layer: nn.Module, weight: Tensor, kept: Tensor, name: str, seed: int) -> Tensor:
        """Normal values, each with the standard deviation of its unit."""
        places = by_unit(layer, torch.arange(kept.numel(), device=kept.device).view(kept.shape))
        fan = kept.flatten()[places].sum(1, keepdim=True)
        deviations = torch.empty(kept.numel(), device=kept.device)
        deviations[places] = (self.scale / fan.clamp(min=1)).sqrt().expand(places.shape)
        draws = torch.randn(kept.shape, generator=generator(f"sparse fan-in/{name}", seed))  # alike on every device
        return draws.to(kept.device) * deviations.view(kept.shape)
