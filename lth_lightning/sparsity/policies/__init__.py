"""Policies: how the mask moves during one training."""

from .at_init import AtInit
from .base import Policy
from .fixed import Fixed
from .gradual import Gradual
from .neurons import Neurons
from .now import Now
from .regrowing import Regrowing
from .rigl import RigL
from .rigl_inverted import RigLInverted
from .set import SET
from .static import Static

__all__ = [
    "SET",
    "AtInit",
    "Fixed",
    "Gradual",
    "Neurons",
    "Now",
    "Policy",
    "Regrowing",
    "RigL",
    "RigLInverted",
    "Static",
]
