"""Structured pruning: which of a layer's neurons to keep, and a network without the others."""

from .channels import alive, maskable, thinned, widths
from .choosing import best, by_chance, by_norm, by_scale, forward_selection
from .groups import Group, groups
from .imitation import Gram, Step, best_step, imitate
from .measuring import measure
from .output_imitation import Output, imitate_output
from .slimming import fold_, slimmed
from .tracing import Chosen, after, fixed_steps, settled, spaced, uniform, within

__all__ = [
    "Chosen",
    "Gram",
    "Group",
    "Output",
    "Step",
    "after",
    "alive",
    "best",
    "best_step",
    "by_chance",
    "by_norm",
    "by_scale",
    "fixed_steps",
    "fold_",
    "forward_selection",
    "groups",
    "imitate",
    "imitate_output",
    "maskable",
    "measure",
    "settled",
    "slimmed",
    "spaced",
    "thinned",
    "uniform",
    "widths",
    "within",
]
