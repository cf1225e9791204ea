"""Everything about sparsity, as functions of (network, mask, batches). Needs torch only."""

from .allocation import (
    ER,
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
from .initialisations import Initialisation, LayerScaled, SparseFanIn
from .loading import load_mask
from .mask import Mask, Prunable, prunable
from .moments import Clock, Moment
from .policies import SET, AtInit, Fixed, Gradual, Neurons, Now, Policy, Regrowing, RigL, RigLInverted, Static
from .sample import ALONE, Batches, Draw, Part, Sample
from .schedules import Annealing, Constant, Cosine, Cubic, LikeLearningRate
from .seeds import generator, mix
from .selection import prune, prune_in_steps
from .structure import Diagnosis, LayerDiagnosis, diagnose, on_a_path

__all__ = [
    "ALONE",
    "ER",
    "ERK",
    "SET",
    "SNIP",
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
    "Fixed",
    "Global",
    "GraSP",
    "Gradual",
    "Initialisation",
    "LayerDiagnosis",
    "LayerRatios",
    "LayerScaled",
    "LikeLearningRate",
    "Magnitude",
    "Mask",
    "Moment",
    "Neurons",
    "Now",
    "Part",
    "Policy",
    "Prunable",
    "Random",
    "Regrowing",
    "RigL",
    "RigLInverted",
    "Sample",
    "Scores",
    "SmartRatio",
    "SparseFanIn",
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
