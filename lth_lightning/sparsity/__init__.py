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
from .criteria import SNIP, Criterion, GraSP, Magnitude, Random, SynFlow
from .initialisations import Initialisation, LayerScaled, SparseFanIn
from .loading import load_mask
from .mask import Mask, Prunable, prunable
from .policies import AtInit, Fixed, Policy
from .sample import Batches, Draw, Sample
from .seeds import generator, mix
from .selection import prune, prune_in_steps
from .structure import Diagnosis, LayerDiagnosis, diagnose, on_a_path

__all__ = [
    "ERK",
    "SNIP",
    "Allocation",
    "AtInit",
    "Batches",
    "Budgets",
    "Criterion",
    "Diagnosis",
    "Draw",
    "Fixed",
    "Global",
    "GraSP",
    "Initialisation",
    "LayerDiagnosis",
    "LayerRatios",
    "LayerScaled",
    "Magnitude",
    "Mask",
    "Policy",
    "Prunable",
    "Random",
    "Sample",
    "Scores",
    "SmartRatio",
    "SparseFanIn",
    "SynFlow",
    "Uniform",
    "apportion",
    "check_density",
    "count",
    "diagnose",
    "generator",
    "load_mask",
    "mix",
    "on_a_path",
    "prunable",
    "prune",
    "prune_in_steps",
]
