"""What cannot be trained as configured, found out before the first step."""

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn


class MisfitError(MisconfigurationException, ValueError):
    """Settings that do not fit together; the text names their values and the key to set."""


def check_shapes(net: nn.Module, input_shape: tuple[int, ...], num_classes: int) -> None:
    """Raise a MisfitError unless a network maps images to a logit per class.

    It is tried on two black images (nets that squeeze their output take a batch of one amiss). The network is left as
    it was: weights, buffers, the modes of all modules, and the global random state.

    Args:
        net: Any network from images (B, *input_shape) to logits (B, num_classes).
        input_shape: Shape of one image: channels, height, width.
        num_classes: Number of classes of the labels.
    """
    name, shape = type(net).__name__, "x".join(map(str, input_shape))
    try:
        outputs = _dry_run(net, input_shape)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise MisfitError(
            f"{name} does not take images of {shape} ({reason}): set its arguments (--model.net...) to the data's shape"
        ) from error
    if outputs != (2, num_classes):
        raise MisfitError(
            f"{name} gives {'x'.join(map(str, outputs[1:]))} outputs an image, but the data has {num_classes} classes: "
            f"set its number of outputs, --model.net.num_classes {num_classes}"
        )


@torch.no_grad()
def _dry_run(net: nn.Module, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that the network makes of a batch of two."""
    weight = next((p for p in net.parameters() if p.is_floating_point()), torch.zeros(()))
    images = torch.zeros(2, *input_shape, dtype=weight.dtype, device=weight.device)
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    modes = {module: module.training for module in net.modules()}
    try:
        net.eval()
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            logits: Tensor = torch.func.functional_call(net, buffers, images)
        return tuple(logits.shape)
    finally:
        for module, mode in modes.items():
            module.training = mode
