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
from .dropping import drop_and_grow
from .loading import load_mask
from .mask import Mask, Prunable, prunable
from .moments import Clock, Moment
from .policies import SET, AtInit, Fixed, Gradual, Now, Policy, Regrowing, RigL, RigLInverted, Static
from .sample import Batches, Draw, Sample
from .schedules import Annealing, Constant, Cosine, Cubic, LikeLearningRate
from .seeds import generator, mix
from .selection import prune, prune_in_steps
from .structure import Diagnosis, LayerDiagnosis, diagnose, on_a_path

__all__ = [
    "Allocation",
    "Annealing",
    "AtInit",
    "Batches",
    "Budgets",
    "Clock",
    "Constant",
    "Cosine",
    "Criterion",
    "Cubic",
    "Diagnosis",
    "Draw",
    "ERK",
    "Fixed",
    "Global",
    "GraSP",
    "Gradual",
    "LayerDiagnosis",
    "LayerRatios",
    "LikeLearningRate",
    "Magnitude",
    "Mask",
    "Moment",
    "Now",
    "Policy",
    "Prunable",
    "Random",
    "Regrowing",
    "RigL",
    "RigLInverted",
    "SET",
    "SNIP",
    "Sample",
    "Scores",
    "SmartRatio",
    "Static",
    "SynFlow",
    "Uniform",
    "apportion",
    "check_density",
    "count",
    "diagnose",
    "drop_and_grow",
    "generator",
    "load_mask",
    "mix",
    "on_a_path",
    "prunable",
    "prune",
    "prune_in_steps",
]
