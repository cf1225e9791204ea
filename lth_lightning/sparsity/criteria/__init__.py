"""Criteria: what makes a weight worth keeping."""

from .base import Batches, Criterion
from .magnitude import Magnitude
from .random import Random

__all__ = ["Batches", "Criterion", "Magnitude", "Random"]
