"""How the weights that a mask keeps are drawn, where what it prunes is to be known from the start."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from inspect import signature
from math import sqrt

import torch
from torch import Tensor, nn

from .mask import Mask
from .seeds import generator
from .units import by_unit, owner


class Initialisation(ABC):
    """Changes a network's first weights with regard to its mask. Biases and weights outside the mask stay."""

    @torch.no_grad()
    def __call__(self, net: nn.Module, mask: Mask, seed: int) -> None:
        """Change the weights of the mask in place; what the mask prunes becomes zero.

        Args:
            net: The network or LightningModule, as it was initialised.
            mask: What is kept.
            seed: Names the draws, each a function of the seed and the weight's name.

        Raises:
            ValueError: If the mask belongs to another network.
        """
        weights = dict(net.named_parameters(remove_duplicate=False))
        mask.check(weights)
        for name, kept in mask.items():
            kept = kept.to(weights[name].device)
            weights[name].copy_(self.weight(owner(net, name), weights[name], kept, name, seed).masked_fill(~kept, 0))

    @property
    def name(self) -> str:
        """What trainings with it are called.

        Example:
            >>> SparseFanIn().name, SparseFanIn(scale=1.0).name
            ('sparse_fan_in', 'sparse_fan_in_scale_1')
        """
        words = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()]
        plain = {name: parameter.default for name, parameter in signature(type(self)).parameters.items()}
        own = {name: getattr(self, name) for name in plain if getattr(self, name) != plain[name]}
        words += [f"{name}_{value:g}" if isinstance(value, float) else f"{name}_{value}" for name, value in own.items()]
        return "_".join(words)

    @abstractmethod
    def weight(self, layer: nn.Module, weight: Tensor, kept: Tensor, name: str, seed: int) -> Tensor:
        """The new values of a weight.

        Args:
            layer: The convolution or linear layer that it belongs to.
            weight: Its values so far.
            kept: Which of them are kept; what becomes of the others does not matter.
            name: Its name in the mask.
            seed: Names the draw.
        """


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


@dataclass(frozen=True)
class LayerScaled(Initialisation):
    """Divide the network's own first weights by the square root of the density of their layer.

    Liu et al., 2019, arXiv:1810.05270, as Evci et al., 2022, arXiv:2010.03533, compare with it: one factor for a layer,
    however many weights its units have left.
    """

    def weight(self, layer: nn.Module, weight: Tensor, kept: Tensor, name: str, seed: int) -> Tensor:
        """The own values, larger; a layer of which nothing is kept has none."""
        return weight / sqrt(max(1, int(kept.sum())) / kept.numel())
