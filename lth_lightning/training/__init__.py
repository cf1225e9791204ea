"""One training: the module, the pruning callback, schedules, checkpoints and rewinding."""

from .admm import Admm
from .checkpoints import KeepCheckpoint, LastCheckpoint
from .classifier import Classifier
from .direct import DirectEpoch
from .history import History
from .moments import Clock, Moment
from .randomness import Seeds, SeedSteps, seeded
from .rewinding import HoldLearningRate, load, write_start
from .sampling import Drawn
from .schedules import Constant, Cosine, LearningRateSchedule, Milestones
from .sparsify import CollapseWarning, Sparsify
from .stopping import StopAt

__all__ = [
    "Admm",
    "Classifier",
    "Clock",
    "CollapseWarning",
    "Constant",
    "Cosine",
    "DirectEpoch",
    "Drawn",
    "History",
    "HoldLearningRate",
    "KeepCheckpoint",
    "LastCheckpoint",
    "LearningRateSchedule",
    "Milestones",
    "Moment",
    "SeedSteps",
    "Seeds",
    "Sparsify",
    "StopAt",
    "load",
    "seeded",
    "write_start",
]
