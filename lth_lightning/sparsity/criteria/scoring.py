"""The one way to differentiate a network without disturbing it: its function, of copies of its weights and buffers."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from threading import Lock
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from ..mask import Mask
from ..sample import ALONE, Batches, Part
from ..seeds import mix

Mode = Literal["train", "eval"]
Batch = tuple[Tensor, Tensor]


def check_mode(mode: str) -> None:
    """Raise a ValueError unless this is a mode."""
    if mode not in get_args(Mode):
        raise ValueError(
            f"a network scores in mode 'train' (batch norm by the batch's statistics) or 'eval', not {mode!r}"
        )


@contextmanager
def undisturbed(net: nn.Module, mode: Mode) -> Iterator[None]:
    """Differentiate freely in here: gradients are on, autocast and compiled code are off, all modules are in this mode.

    Afterwards every module is in its own mode again.
    """
    modes = [(module, module.training) for module in net.modules()]
    kind = next(net.parameters()).device.type
    try:
        net.train(mode == "train")
        with _eager, torch.inference_mode(False), torch.enable_grad(), torch.autocast(kind, enabled=False):
            yield
    finally:
        for module, training in modes:
            module.training = training


class _Eager:
    """No compiled code runs in here, as it has no second derivative.

    What torch compiles with is a setting of the process, so that threads share it: the last one to leave puts it back.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._stance = Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            # whoever compiled has loaded dynamo, which is slow to load for nothing
            if "torch._dynamo" in sys.modules:
                self._stance.enter_context(torch.compiler.set_stance("force_eager"))
            self._inside += 1

    def __exit__(self, *failure: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._stance.close()


_eager = _Eager()


def copies(net: nn.Module, mask: Mask) -> dict[str, Tensor]:
    """Every parameter and buffer by name, for `output`: detached, with w * m for the mask's weights.

    A tensor that modules share appears once, under the name that the mask has for it.

    Raises:
        ValueError: If the mask belongs to another network.
    """
    every = dict(net.named_parameters(remove_duplicate=False))
    mask.check(every)
    names = {id(every[name]): name for name in mask}
    values = {names.get(id(value), name): value.detach() for name, value in net.named_parameters()}
    for name, kept in mask.items():
        values[name] = values[name].masked_fill(~kept.to(values[name].device), 0)
    # forward passes in mode train write to buffers
    return values | {name: value.detach().clone() for name, value in net.named_buffers()}


def output(net: nn.Module, values: Mapping[str, Tensor], images: Tensor, draw: int = 0) -> Tensor:
    """What the network makes of these images with these parameters and buffers in place of its own.

    Args:
        net: The network, or a LightningModule whose forward gives logits.
        values: Parameters and buffers by name.
        images: (B, ...); moved to the parameters' device and, if they are floating-point numbers, to their type.
        draw: Names what dropout draws: the same number, the same units.
    """
    place = next(iter(values.values()))
    images = images.to(place.device, place.dtype if images.is_floating_point() else None)
    with _seeded(place.device, mix("scoring", draw)):
        result: Tensor = functional_call(net, dict(values), (images,))
    return result


def gradients(
    net: nn.Module,
    values: Mapping[str, Tensor],
    weights: list[Tensor],
    batch: Batch,
    draw: int = 0,
    temperature: float = 1.0,
    differentiable: bool = False,
) -> tuple[Tensor, ...]:
    """The gradient of the mean cross-entropy of a batch, with the logits divided by a temperature.

    Args:
        net: The network.
        values: Parameters and buffers by name.
        weights: Those of the values to differentiate by; a weight that the network does not use has gradient zero.
        batch: (images, labels).
        draw: Names what dropout draws.
        temperature: Divides the logits.
        differentiable: Whether the gradient can be differentiated again.
    """
    images, labels = batch
    logits = output(net, values, images, draw) / temperature
    loss = cross_entropy(logits, labels.to(logits.device))
    return torch.autograd.grad(loss, weights, create_graph=differentiable, allow_unused=True, materialize_grads=True)


def part(batches: Batches) -> Part:
    """What this device does of a sum over these batches: all, unless they say otherwise."""
    found: Part = getattr(batches, "part", ALONE)
    return found


def summed(
    weights: Sequence[Tensor],
    batches: Iterable[Batch],
    gradient: Callable[[Batch, int], tuple[Tensor, ...]],
    part: Part,
) -> list[Tensor]:
    """The sum over batches of a gradient by these weights, of the batches of all devices that train together.

    Args:
        weights: What the gradient is by; or whatever else has the shapes of the terms.
        batches: The same on every device.
        gradient: (batch, its number) -> a tensor for each weight.
        part: Which of them are for this device.

    Raises:
        ValueError: If there are no batches.
    """
    total = [torch.zeros_like(weight) for weight in weights]
    number = -1
    for number, batch in enumerate(batches):
        if part.takes(number):
            torch._foreach_add_(total, gradient(batch, number))
    if number < 0:
        raise ValueError(
            "a criterion scores by the loss on images, but was given none: give it batches of images and labels"
        )
    part.add(total)
    return total


@contextmanager
def _seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Draw from this seed, on the CPU and the network's own GPU; `torch.manual_seed` would disturb the other GPUs."""
    gpu = device.type == "cuda"
    with torch.random.fork_rng([device] if gpu else []), torch.cuda.device(device) if gpu else nullcontext():
        torch.default_generator.manual_seed(seed)
        if gpu:
            torch.cuda.manual_seed(seed)
        yield
