"""Everything about sparsity, as functions of (network, mask, batches). Needs torch only."""

from .allocation import (
    ERK,
    Allocation,
    Budgets,
    Global,
    LayerRatios,
    Scores,
    SmartRatio,
    Uniform,
    apportion,
    check_density,
    count,
)
from .criteria import Criterion, Magnitude, Random
from .loading import load_mask
from .mask import Mask, Prunable, prunable
from .policies import AtInit, Fixed, Policy
from .sample import Batches, Draw, Sample
from .seeds import generator, mix
from .selection import prune, prune_in_steps

__all__ = [
    "ERK",
    "Allocation",
    "AtInit",
    "Batches",
    "Budgets",
    "Criterion",
    "Draw",
    "Fixed",
    "Global",
    "LayerRatios",
    "Magnitude",
    "Mask",
    "Policy",
    "Prunable",
    "Random",
    "Sample",
    "Scores",
    "SmartRatio",
    "Uniform",
    "apportion",
    "check_density",
    "count",
    "generator",
    "load_mask",
    "mix",
    "prunable",
    "prune",
    "prune_in_steps",
]
