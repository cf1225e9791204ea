"""Policies: how the mask moves during one training."""

from .at_init import AtInit
from .base import Policy
from .fixed import Fixed

__all__ = ["AtInit", "Fixed", "Policy"]
