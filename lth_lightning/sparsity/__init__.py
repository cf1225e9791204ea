"""Everything about sparsity, as functions of (network, mask, batches). Needs torch only."""

from .allocation import Allocation, Budgets, Global, Scores, Uniform, apportion, check_density, count
from .criteria import Batches, Criterion, Magnitude, Random
from .mask import Mask, Prunable, prunable
from .policies import AtInit, Fixed, Policy, load_mask
from .seeds import generator, mix
from .selection import prune

__all__ = [
    "Allocation",
    "AtInit",
    "Batches",
    "Budgets",
    "Criterion",
    "Fixed",
    "Global",
    "Magnitude",
    "Mask",
    "Policy",
    "Prunable",
    "Random",
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
