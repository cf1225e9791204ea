"""How the weights that a mask keeps are drawn, where what it prunes is to be known from the start."""

from abc import ABC, abstractmethod
from inspect import signature

import torch
from torch import Tensor, nn

from ..mask import Mask
from ..spelling import underscored
from ..units import owner


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
            >>> from lth_lightning.sparsity import SparseFanIn
            >>> SparseFanIn().name, SparseFanIn(scale=1.0).name
            ('sparse_fan_in', 'sparse_fan_in_scale_1')
        """
        words = [underscored(type(self))]
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
