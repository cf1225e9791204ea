"""The control of RigL."""

from dataclasses import dataclass

from torch import nn

from ..allocation import Scores
from ..mask import Mask
from .now import Now
from .rigl import RigL


@dataclass(frozen=True)
class RigLInverted(RigL):
    """RigL that grows the weights of the smallest gradient: its control (Evci et al., 2022, arXiv:2010.03533)."""

    def growth(self, net: nn.Module, mask: Mask, now: Now) -> Scores:
        """The absolute value of the gradient, negative."""
        return {name: -score for name, score in super().growth(net, mask, now).items()}
