"""Criteria: what makes a weight worth keeping."""

from .base import Criterion
from .grasp import GraSP
from .magnitude import Magnitude
from .random import Random
from .snip import SNIP
from .synflow import SynFlow

__all__ = ["SNIP", "Criterion", "GraSP", "Magnitude", "Random", "SynFlow"]
