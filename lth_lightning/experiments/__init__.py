"""Many trainings: experiments, their tickets and controls, and how each training is done once and resumed."""

from .base import Experiment, Recipe, Result, Ticket
from .controls import Control, RandomTicket, RearrangedMask, Reinitialised, rearranged
from .dense import Dense
from .pruning import IterativePruning, OneShotPruning, Pruning
from .recipe import Built, LightningRecipe, Observer
from .results import Ledger, read_result
from .rewind import Rewind

__all__ = [
    "Built",
    "Control",
    "Dense",
    "Experiment",
    "IterativePruning",
    "Ledger",
    "LightningRecipe",
    "Observer",
    "OneShotPruning",
    "Pruning",
    "RandomTicket",
    "RearrangedMask",
    "Recipe",
    "Reinitialised",
    "Result",
    "Rewind",
    "Ticket",
    "read_result",
    "rearranged",
]
