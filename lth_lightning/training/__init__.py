"""One training: the module, the pruning callback, schedules, checkpoints and rewinding."""

from ..sparsity import Clock, Moment
from . import lockstep
from .admm import Admm
from .checkpoints import KeepCheckpoint, LastCheckpoint
from .classifier import Classifier
from .direct import DirectEpoch
from .gradient_flow import GradientFlow
from .hessian import HessianSpectrum
from .history import History
from .moments import clock_of
from .probe import Probe
from .randomness import Seeds, SeedSteps, seeded
from .repel import Repel, directions, repellent_loss
from .rewinding import HoldLearningRate, load, write_start
from .sampling import Drawn, Epochs
from .schedules import Constant, Cosine, LearningRateSchedule, Milestones
from .sparsify import CollapseWarning, Sparsify
from .stopping import StopAt
from .together import InTurnWarning

__all__ = [
    "Admm",
    "Classifier",
    "Clock",
    "CollapseWarning",
    "Constant",
    "Cosine",
    "DirectEpoch",
    "Drawn",
    "Epochs",
    "GradientFlow",
    "HessianSpectrum",
    "History",
    "HoldLearningRate",
    "InTurnWarning",
    "KeepCheckpoint",
    "LastCheckpoint",
    "LearningRateSchedule",
    "Milestones",
    "Moment",
    "Probe",
    "Repel",
    "SeedSteps",
    "Seeds",
    "Sparsify",
    "StopAt",
    "clock_of",
    "directions",
    "load",
    "lockstep",
    "repellent_loss",
    "seeded",
    "write_start",
]
