"""Structured pruning: which of a layer's neurons to keep, and a network without the others."""

from .groups import Group, groups
from .imitation import Gram, Step, best_step, imitate
from .measuring import measure
from .output_imitation import Output, imitate_output
from .slimming import fold_, slimmed

__all__ = [
    "Gram",
    "Group",
    "Output",
    "Step",
    "best_step",
    "fold_",
    "groups",
    "imitate",
    "imitate_output",
    "measure",
    "slimmed",
]
