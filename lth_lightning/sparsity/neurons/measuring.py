"""The Gram matrix of a layer's channels, from one pass over images."""

import torch
from torch import Tensor, nn
from torch.nn.functional import unfold

from ..criteria.scoring import undisturbed
from ..sample import Batches
from .gram import Gram
from .groups import Group


@torch.no_grad()
def measure(net: nn.Module, group: Group, batches: Batches) -> Gram:
    """How the contributions of a group's channels to the layer that reads them go together.

    Channel i's contribution h_i(z) is N times what the consumer makes of it alone, without bias, at all positions of
    its output, so that the layer is their mean. From the covariance of the consumer's inputs, which one pass gives, and
    its weights: no contribution is computed. Where channels make gates, these are as they are in the network: that a
    channel which is taken out makes them no more is left out of account (`imitate_output` takes it into account).

    Args:
        net: The network, in which earlier layers may have been pruned; left as it was.
        group: The channels.
        batches: (images, labels), on the network's device.

    Raises:
        ValueError: If there are no images, or the consumer is none that can be measured.
    """
    consumer = net.get_submodule(group.consumer)
    if isinstance(consumer, nn.Conv2d) and (consumer.groups > 1 or consumer.padding_mode != "zeros"):
        raise ValueError(f"{group.consumer} is a grouped convolution or pads otherwise than by zeros: leave it alone")
    seen = _Seen(consumer)
    handle = consumer.register_forward_pre_hook(seen)
    try:
        with undisturbed(net, "eval"):
            for images, _ in batches:
                net(images)
    finally:
        handle.remove()
    if not seen.images:
        raise ValueError("channels are measured on images, but there are none: give a sample of one batch or more")
    return Gram(_products(consumer, seen.moment / seen.images, group.count))


class _Seen:
    """The sum, over images and positions, of the products of what comes in at a position."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer, self.images = layer, 0
        self.moment: Tensor = torch.zeros(())

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        (x,) = inputs
        if isinstance(layer, nn.Conv2d):
            assert not isinstance(layer.padding, str)
            rows = unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)  # (B, N*K, L)
        else:
            rows = x.reshape(len(x), -1, x.shape[-1]).transpose(1, 2)
        flat = rows.transpose(0, 1).flatten(1).double()
        self.moment = self.moment.to(flat.device) + flat @ flat.T
        self.images += len(x)


def _products(consumer: nn.Module, moment: Tensor, count: int) -> Tensor:
    """E <h_i, h_j> of the N channels: N^2 times the sum of (W_k . W_l) M_kl over the inputs k of i and l of j."""
    weight: Tensor = consumer.weight  # type: ignore[assignment]
    flat = weight.flatten(1).double()  # (out, N * inputs)
    pairs = (flat.T @ flat) * moment
    each = flat.shape[1] // count
    return count**2 * pairs.view(count, each, count, each).sum((1, 3))
