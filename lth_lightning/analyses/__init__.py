"""Analyses of finished experiments: `lth analyze`. What they compute with is in `lth_lightning.analysis`."""

from .base import Analysis, Lineage
from .between_rounds import BetweenRounds
from .correlation import WeightCorrelation
from .distances import Distances
from .instability import Instability

__all__ = ["Analysis", "BetweenRounds", "Distances", "Instability", "Lineage", "WeightCorrelation"]
