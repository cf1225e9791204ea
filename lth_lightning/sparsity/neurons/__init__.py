"""Structured pruning: which of a layer's neurons to keep, and a network without the others."""

from .channels import alive, maskable, thinned, widths
from .choosing import best, by_chance, by_norm, by_scale, forward_selection
from .groups import Group, groups
from .imitation import Gram, Step, best_step, imitate
from .layer import Layer, logits
from .measuring import measure
from .output_imitation import Output, imitate_output
from .selections import (
    BatchNormScale,
    Choice,
    FilterNorm,
    ForwardSelection,
    GlobalImitation,
    GreedyImitation,
    LocalImitation,
    RandomNeurons,
    Selection,
    Stop,
)
from .slimming import fold_, slimmed
from .tracing import Chosen, after, fixed_steps, settled, spaced, uniform, within

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
