"""Criteria: what makes a weight worth keeping."""

from .base import Criterion
from .magnitude import Magnitude
from .random import Random

__all__ = ["Criterion", "Magnitude", "Random"]
