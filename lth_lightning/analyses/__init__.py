"""Analyses of finished experiments: `lth analyze`. What they compute with is in `lth_lightning.analysis`."""

from .base import Analysis, Lineage
from .between_rounds import BetweenRounds
from .correlation import WeightCorrelation
from .curvature import Hessian
from .curves import Curves
from .distances import Distances
from .flow import Flow
from .function_space import FunctionSpace
from .instability import Instability
from .planes import Planes

__all__ = [
    "Analysis",
    "BetweenRounds",
    "Curves",
    "Distances",
    "Flow",
    "FunctionSpace",
    "Hessian",
    "Instability",
    "Lineage",
    "Planes",
    "WeightCorrelation",
]
