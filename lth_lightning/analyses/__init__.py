"""Analyses of finished experiments: `lth analyze`. What they compute with is in `lth_lightning.analysis`."""

from .base import Analysis, Lineage
from .between_rounds import BetweenRounds
from .correlation import WeightCorrelation
from .curvature import Hessian
from .curves import Curves
from .distances import Distances
from .ensembles import Ensembles
from .flow import Flow
from .function_space import FunctionSpace
from .instability import Instability
from .latency import Latency
from .planes import Planes
from .rate import Rate
from .signal_propagation import SignalPropagation
from .to_solution import ToSolution
from .weight_space import WeightSpace

__all__ = [
    "Analysis",
    "BetweenRounds",
    "Curves",
    "Distances",
    "Ensembles",
    "Flow",
    "FunctionSpace",
    "Hessian",
    "Instability",
    "Latency",
    "Lineage",
    "Planes",
    "Rate",
    "SignalPropagation",
    "ToSolution",
    "WeightCorrelation",
    "WeightSpace",
]
