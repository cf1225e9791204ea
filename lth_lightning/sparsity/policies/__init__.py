"""Policies: how the mask moves during one training."""

from .at_init import AtInit
from .base import Now, Policy
from .fixed import Fixed
from .gradual import Gradual
from .regrowing import Regrowing
from .rigl import RigL, RigLInverted
from .set import SET
from .static import Static

__all__ = ["SET", "AtInit", "Fixed", "Gradual", "Now", "Policy", "Regrowing", "RigL", "RigLInverted", "Static"]
