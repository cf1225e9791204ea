"""Everything about sparsity, as functions of (network, mask, batches). Needs torch only."""

from .allocation import Allocation, Budgets, Global, Scores, Uniform, apportion, check_density, count
from .criteria import Criterion, Magnitude, Random
from .mask import Mask, Prunable, prunable
from .policies import AtInit, Fixed, Policy, load_mask
from .sample import Batches, Draw, Sample
from .seeds import generator, mix
from .selection import prune

__all__ = [
    "Allocation",
    "AtInit",
    "Batches",
    "Budgets",
    "Criterion",
    "Draw",
    "Fixed",
    "Global",
    "Magnitude",
    "Mask",
    "Policy",
    "Prunable",
    "Random",
    "Sample",
    "Scores",
    "Uniform",
    "apportion",
    "check_density",
    "count",
    "generator",
    "load_mask",
    "mix",
    "prunable",
    "prune",
]
