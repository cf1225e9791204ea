"""Structured pruning: which of a layer's neurons to keep, and a network without the others."""

from .baselines import BatchNormScale, FilterNorm, ForwardSelection, RandomNeurons
from .channels import alive, maskable, thinned, widths
from .choosing import best, by_chance, by_norm, by_scale, forward_selection, uniform
from .gram import Gram, Step
from .greedy import GlobalImitation, GreedyImitation, LocalImitation
from .groups import Group, groups
from .imitation import best_step, imitate
from .layer import Layer, logits
from .measuring import measure
from .output import Output
from .output_imitation import imitate_output
from .selection import Choice, Selection, Stop
from .slimming import fold_, slimmed
from .tracing import Chosen, after, fixed_steps, settled, spaced, within

__all__ = [
    "BatchNormScale",
    "Choice",
    "Chosen",
    "FilterNorm",
    "ForwardSelection",
    "GlobalImitation",
    "Gram",
    "GreedyImitation",
    "Group",
    "Layer",
    "LocalImitation",
    "Output",
    "RandomNeurons",
    "Selection",
    "Step",
    "Stop",
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
    "logits",
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
