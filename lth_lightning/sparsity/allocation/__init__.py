"""How a density is divided over the layers: from scores to an integer budget per tensor."""

from .base import Allocation, Budgets, Scores, caps
from .counting import apportion, check_density, count, shortest_density
from .er import ER
from .erk import ERK
from .layer_ratios import LayerRatios
from .ranking import Global, largest
from .smart_ratio import SmartRatio
from .uniform import Uniform

__all__ = [
    "ER",
    "ERK",
    "Allocation",
    "Budgets",
    "Global",
    "LayerRatios",
    "Scores",
    "SmartRatio",
    "Uniform",
    "apportion",
    "caps",
    "check_density",
    "count",
    "largest",
    "shortest_density",
]
