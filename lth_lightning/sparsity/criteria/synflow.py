"""SynFlow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..allocation import Scores
from ..mask import Mask
from ..sample import Batches
from .base import Criterion
from .flow import LinearFlow, flow_through, linear_parameters
from .scoring import undisturbed


@dataclass(frozen=True)
class SynFlow(Criterion):
    """Synaptic flow |w * dR/dw|, with R = 1^T (prod |w_l * m_l|) 1 (Tanaka et al., 2020, arXiv:2006.05467).

    R is the sum of the outputs for an image of ones when every weight is replaced by its absolute value: the sum over
    all paths from input to output of the product of the weights on them. A weight's score is the share of R that goes
    through it, so the scores of every layer that all paths cross have the same sum. In one step it empties layers, as
    other criteria do; the paper prunes in 100.

    R is computed in mode 'eval' and float64, from an image so dark that no activation exceeds 1: the scores are those
    of the formula times a positive constant, which leaves their order. What is added on the way (biases, running
    means) is left out, so that R is linear in the image, and activation functions are the identity, but for sigmoids,
    which gate; the released code takes the absolute values of biases and running means too, which at initialisation
    are zero.

    Batches tell only the shape of an image.
    """

    reads_data: ClassVar[bool] = False

    def __call__(self, net: nn.Module, mask: Mask, batches: Batches) -> Scores:
        """Score the weights by |w * dR/dw|.

        Raises:
            ValueError: If there are no batches, the network has attention, or R is beyond float64.
        """
        first = next(iter(batches), None)
        if first is None:
            raise ValueError("SynFlow takes an image's shape from the first batch, but there is none: give it a batch")
        with undisturbed(net, "eval"):
            values, weights = linear_parameters(net, mask, lambda _, value: value.abs())
            flow = _without_overflow(net, values, first[0].shape[1:])
            grads = torch.autograd.grad(flow, weights, allow_unused=True, materialize_grads=True)
        return {name: values[name].detach() * grad for name, grad in zip(mask, grads, strict=True)}


class _Peak(LinearFlow):
    """Notes the largest activation."""

    largest = 0.0

    def arrived(self, flow: Tensor) -> Tensor:
        """Note it."""
        largest = float(flow.detach().max())
        self.largest = math.inf if math.isnan(largest) else max(self.largest, largest)
        return flow


def _without_overflow(net: nn.Module, values: dict[str, Tensor], shape: Sequence[int]) -> Tensor:
    """R, up to a factor: for an image of the largest value up to 1 by which no activation exceeds 1."""
    level = 1.0
    while level > 1e-300:  # 1e-308 is the smallest number of full precision
        with _Peak() as peak:
            flow = flow_through(net, values, shape, level)
        if peak.largest <= 1 + 1e-6:
            return flow
        level *= 1e-100 if math.isinf(peak.largest) else 1 / peak.largest
    raise ValueError(
        f"SynFlow cannot score {type(net).__name__}: activations exceed 1 for the darkest image in float64, so its "
        "weights are too large, or it adds something that is no bias; choose another criterion"
    )
