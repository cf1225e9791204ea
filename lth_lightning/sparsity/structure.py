"""What a mask leaves of a network's graph: `diagnose`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from .criteria.flow import READINGS, LinearFlow, flow_through, linear_parameters
from .criteria.scoring import undisturbed
from .mask import Mask
from .units import by_unit, owner

NOISE = 1e-9  # a sum of zeros and ones is a whole number but for the rounding of fast convolutions


@dataclass(frozen=True)
class LayerDiagnosis:
    """What a mask leaves of one layer; a unit is an output: a channel of a convolution, a neuron of a linear layer.

    Attributes:
        size: Number of weights, kept or not.
        kept: Number of weights kept.
        effective: Number of kept weights on a path from input to output; changing another changes no output.
        units: Number of units.
        dead: Number of units of which no incoming weight is kept.
        disconnected: Number of units with incoming weights of which none is on a path from input to output.
    """

    size: int
    kept: int
    effective: int
    units: int
    dead: int
    disconnected: int


@dataclass(frozen=True)
class Diagnosis:
    """What a mask leaves of a network.

    Attributes:
        layers: Weight name -> what is left of it, in the network's order.
    """

    layers: Mapping[str, LayerDiagnosis]

    @property
    def density(self) -> float:
        """Share of weights kept, 0..1."""
        return sum(layer.kept for layer in self.layers.values()) / self._size

    @property
    def effective_density(self) -> float:
        """Share of weights that are kept and on a path from input to output, 0..1."""
        return sum(layer.effective for layer in self.layers.values()) / self._size

    @property
    def collapsed(self) -> list[str]:
        """Names of the weights of which nothing is on a path: no signal passes through such a layer."""
        return [name for name, layer in self.layers.items() if layer.effective == 0]

    @property
    def _size(self) -> int:
        return sum(layer.size for layer in self.layers.values())


def diagnose(net: nn.Module, mask: Mask, shape: Sequence[int]) -> Diagnosis:
    """Find the kept weights, and the units, that lie on no path from input to output.

    A path goes over kept weights of the mask and over all other layers, and skip connections are paths; what biases and
    the shift of normalisation add starts none. A sigmoid is taken for a gate: the half that it makes of nothing goes
    on. Which weights of a kernel meet more than padding depends on the size of the image: of a 3x3 kernel on an image
    of one pixel only the middle is on a path.

    Args:
        net: The network or LightningModule; left as it was.
        mask: What is kept.
        shape: An image's (C, H, W).

    Raises:
        ValueError: If the mask belongs to another network, or it has attention or dilated max pooling, through which
            paths are not followed.
    """
    effective = on_a_path(net, mask, shape)
    return Diagnosis({name: _layer(net, name, kept, effective[name]) for name, kept in mask.items()})


def on_a_path(net: nn.Module, mask: Mask, shape: Sequence[int]) -> Mask:
    """The kept weights that lie on a path from input to output: the mask without those that have no effect.

    Args:
        net: The network or LightningModule; left as it was.
        mask: What is kept.
        shape: An image's (C, H, W).
    """
    with undisturbed(net, "eval"):
        values, weights = linear_parameters(
            net, mask, lambda name, value: mask[name].to(value) if name in mask else torch.ones_like(value)
        )
        with _Reach():
            flow = flow_through(net, values, shape)
        if not flow.requires_grad:  # none of the weights is used
            return Mask({name: torch.zeros_like(kept) for name, kept in mask.items()})
        grads = torch.autograd.grad(flow, weights, allow_unused=True, materialize_grads=True)
    return Mask({n: kept & (grad > NOISE).to(kept.device) for (n, kept), grad in zip(mask.items(), grads, strict=True)})


def _layer(net: nn.Module, name: str, kept: Tensor, effective: Tensor) -> LayerDiagnosis:
    module = owner(net, name)
    has_kept, has_effective = by_unit(module, kept).any(1), by_unit(module, effective).any(1)
    return LayerDiagnosis(
        size=kept.numel(),
        kept=int(kept.sum()),
        effective=int(effective.sum()),
        units=has_kept.numel(),
        dead=int((~has_kept).sum()),
        disconnected=int((has_kept & ~has_effective).sum()),
    )


class _Arrived(torch.autograd.Function):
    """Whether anything has come, and on the way back whether anything goes on from here: 0 or 1, so none overflows."""

    @staticmethod
    def forward(ctx: FunctionCtx, flow: Tensor) -> Tensor:
        return (flow > NOISE).to(flow)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> Tensor:
        return (grads[0] > NOISE).to(grads[0])


class _Reach(LinearFlow):
    """Follows paths: a flow of zeros and ones, and pooling that hides none of them behind a larger one."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = {
            **READINGS,
            F.max_pool1d: _mean_of(F.avg_pool1d),
            F.max_pool2d: _mean_of(F.avg_pool2d),
            F.max_pool3d: _mean_of(F.avg_pool3d),
            F.adaptive_max_pool1d: lambda flow, size, *_, **__: F.adaptive_avg_pool1d(flow, size),
            F.adaptive_max_pool2d: lambda flow, size, *_, **__: F.adaptive_avg_pool2d(flow, size),
            F.adaptive_max_pool3d: lambda flow, size, *_, **__: F.adaptive_avg_pool3d(flow, size),
        }

    def arrived(self, flow: Tensor) -> Tensor:
        """Zero or one."""
        result: Tensor = _Arrived.apply(flow)
        return result


def _mean_of(average: Any) -> Any:
    def mean(
        flow: Tensor,
        kernel: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        **_: Any,
    ) -> Tensor:
        if dilation not in (1, (1, 1), (1, 1, 1)):
            raise ValueError(f"paths through max pooling with dilation {dilation} are not followed: use dilation 1")
        result: Tensor = average(flow, kernel, stride, padding, ceil_mode)
        return result

    return mean
