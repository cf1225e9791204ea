"""Many trainings: experiments, their tickets and controls, and how each training is done once and resumed."""

from .admm import AdmmPruning
from .base import Built, Experiment, Part, Recipe, Result, Ticket
from .building import Observer, Variation
from .control import Case, Control, Found, Method
from .controls import RandomTicket, RearrangedMask, Reinitialised, ShuffledWeights, rearranged
from .data_controls import CorruptedData, HalfData
from .dense import Dense
from .dynamic import DynamicTraining, Restarted
from .fine_tuned import FineTuned
from .in_training import PruningInTraining
from .instability import Instability
from .iterative import IterativePruning
from .noise import OtherNoise
from .one_shot import OneShotPruning
from .pruning import Pruning
from .recipe import LightningRecipe
from .results import Ledger, read_result
from .retrained import Retrained
from .rewind import Rewind
from .small_dense import SmallDense
from .sparse_training import SparseTraining
from .study import Study
from .tickets import Tickets

__all__ = [
    "AdmmPruning",
    "Built",
    "Case",
    "Control",
    "CorruptedData",
    "Dense",
    "DynamicTraining",
    "Experiment",
    "FineTuned",
    "Found",
    "HalfData",
    "Instability",
    "IterativePruning",
    "Ledger",
    "LightningRecipe",
    "Method",
    "Observer",
    "OneShotPruning",
    "OtherNoise",
    "Part",
    "Pruning",
    "PruningInTraining",
    "RandomTicket",
    "RearrangedMask",
    "Recipe",
    "Reinitialised",
    "Restarted",
    "Result",
    "Retrained",
    "Rewind",
    "ShuffledWeights",
    "SmallDense",
    "SparseTraining",
    "Study",
    "Ticket",
    "Tickets",
    "Variation",
    "read_result",
    "rearranged",
]
