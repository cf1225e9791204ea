"""Policies: how the mask moves during one training."""

from .at_init import AtInit
from .base import Policy
from .fixed import Fixed, load_mask

__all__ = ["AtInit", "Fixed", "Policy", "load_mask"]
