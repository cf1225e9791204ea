"""A network with weights of one sign and positive input is linear: what goes in comes out over its paths, summed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..mask import Mask
from .scoring import copies, output

Reading = Callable[..., Any]


class LinearFlow(TorchFunctionMode):
    """While active, functions that are not linear for positive input are read as the nearest that is.

    Activation functions that bend become the identity, which ReLU is anyway; normalisation becomes its scale. This
    holds for modules and for functions called directly. What is added is for `linear_parameters` to leave out.

    Raises:
        ValueError: In a network with attention.
    """

    readings: Mapping[Reading, Reading]

    def __init__(self) -> None:
        super().__init__()
        self.readings = READINGS

    def arrived(self, flow: Tensor) -> Tensor:
        """What goes on from a convolution or linear layer to which this has come."""
        return flow

    def __torch_function__(
        self, func: Reading, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function, or what it is read as."""
        result = self.readings.get(func, func)(*args, **(kwargs or {}))
        return self.arrived(result) if func in SUMS else result


def linear_parameters(
    net: nn.Module, mask: Mask, reading: Callable[[str, Tensor], Tensor]
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """A network's parameters and buffers as those of a linear map, in float64, without what is added.

    Args:
        net: The network.
        mask: What is kept.
        reading: (name, w * m) -> what to put in place of a parameter or floating-point buffer.

    Returns:
        All by name; and those of the mask, which require gradients.
    """
    values = copies(net, mask)
    for name, value in values.items():
        last = name.rpartition(".")[2]
        if last.endswith("bias") or last == "running_mean":
            values[name] = torch.zeros_like(value, dtype=torch.float64)
        elif value.is_floating_point():
            values[name] = reading(name, value).to(torch.float64)
    return values, [values[name].requires_grad_() for name in mask]


def flow_through(net: nn.Module, values: Mapping[str, Tensor], shape: Sequence[int], level: float = 1.0) -> Tensor:
    """The sum of a network's outputs for one image of which every value is `level`."""
    place = next(iter(values.values()))
    return output(net, values, torch.full((1, *shape), level, dtype=torch.float64, device=place.device)).sum()


def _identity(flow: Tensor, *_: Any, **__: Any) -> Tensor:
    return flow


def _refused(*_: Any, **__: Any) -> Tensor:
    raise ValueError("a network with attention cannot be read as a linear flow: choose another criterion or network")


def _running_scale(
    flow: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    *_: Any,
    eps: float = 1e-5,
    **__: Any,
) -> Tensor:
    scaled = flow if running_var is None else flow / _channels((running_var + eps).sqrt(), flow)
    return scaled if weight is None else scaled * _channels(weight, flow)


def _group_scale(flow: Tensor, num_groups: int, weight: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
    return flow if weight is None else flow * _channels(weight, flow)


def _layer_scale(flow: Tensor, shape: Sequence[int], weight: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
    return flow if weight is None else flow * weight


def _channels(values: Tensor, flow: Tensor) -> Tensor:
    return values.view(-1, *[1] * (flow.dim() - 2))


SUMS = {
    F.linear, F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d
}  # fmt: skip
READINGS: dict[Reading, Reading] = {
    F.batch_norm: _running_scale,
    F.instance_norm: _running_scale,
    F.group_norm: _group_scale,
    F.layer_norm: _layer_scale,
    F.rms_norm: _layer_scale,
    # not sigmoids: they are gates, which multiply a flow, and in a dark image are constants
    **dict.fromkeys((F.relu6, F.hardtanh, F.hardswish, F.gelu, F.silu, F.mish, F.softplus, F.softsign), _identity),
    **dict.fromkeys((torch.tanh, Tensor.tanh, F.tanh, F.softmax, F.log_softmax), _identity),
    **dict.fromkeys((F.scaled_dot_product_attention, F.multi_head_attention_forward), _refused),
}
