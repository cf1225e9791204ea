"""How kept weights are drawn."""

from .base import Initialisation
from .layer_scaled import LayerScaled
from .sparse_fan_in import SparseFanIn

__all__ = ["Initialisation", "LayerScaled", "SparseFanIn"]
