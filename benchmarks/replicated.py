"""What a step of R networks at once costs, by how they are put together: ResNet-20 on 128 images each.

python -m benchmarks.replicated
python -m benchmarks.replicated --counts 1 2 4 8 --precision bf16 --device cuda

Forward, loss and backward: what replicas share. `lth` trains them as grouped convolutions. The others are batched
products of matrices, one network after the other, and each in a stream of its own; on a GPU every way is recorded as a
graph. Times are the median of turns in which all ways are timed one after the other.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import pairwise
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lth_lightning.models import CIFARResNet
from lth_lightning.training.captured import Captured, Step
from lth_lightning.training.replicas import Outcome, Replicas
from lth_lightning.training.timing import now
from lth_lightning.training.together import put

SECONDS = 0.5  # a turn of a way


class Products(TorchFunctionMode):
    """While active, convolutions without groups are products of matrices."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function, or multiply."""
        return _product(*args) if func is F.conv2d else func(*args, **(kwargs or {}))


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, *_: Any) -> Tensor:
    kernel, height = weight.shape[-1], x.shape[2]
    columns = F.unfold(x, kernel, padding=padding, stride=stride).transpose(0, 1)  # (values, B, places)
    out = weight.flatten(1) @ columns.flatten(1)
    side = (height + 2 * padding[0] - kernel) // stride[0] + 1
    out = out.view(weight.shape[0], x.shape[0], side, side).transpose(0, 1)
    return out if bias is None else out + bias.view(-1, 1, 1)


def _stacked(nets: Sequence[nn.Module], mode: Callable[[], Any]) -> tuple[Step, list[Tensor]]:
    replicas = Replicas(nets[0], len(nets)).train()
    for number, net in enumerate(nets):
        put(net, replicas.own(number))

    def step(images: Tensor, labels: Tensor) -> Outcome:
        with mode():
            return replicas.step(images, labels)

    return step, replicas.moved


def grouped(nets: Sequence[nn.Module]) -> tuple[Step, list[Tensor]]:
    """As `lth` does: vmap makes one grouped convolution of those of all."""
    return _stacked(nets, nullcontext)


def products(nets: Sequence[nn.Module]) -> tuple[Step, list[Tensor]]:
    """Batched products of matrices."""
    return _stacked(nets, Products)


def in_turn(nets: Sequence[nn.Module]) -> tuple[Step, list[Tensor]]:
    """One after the other."""
    return _apart(nets, [None] * len(nets))


def streams(nets: Sequence[nn.Module]) -> tuple[Step, list[Tensor]]:
    """Each in a stream of its own, which may overlap; on a CPU there are none."""
    there = next(nets[0].parameters()).is_cuda
    return _apart(nets, [torch.cuda.Stream() if there else None for _ in nets])  # type: ignore[no-untyped-call]


def _apart(nets: Sequence[nn.Module], own: Sequence[Any]) -> tuple[Step, list[Tensor]]:
    learned = [[*net.parameters()] for net in nets]

    def one(number: int, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Sequence[Tensor]]:
        logits = nets[number].train()(images)
        loss = F.cross_entropy(logits, labels)
        return logits.detach(), loss.detach(), torch.autograd.grad(loss, learned[number])

    def step(images: Tensor, labels: Tensor) -> Outcome:
        found = []
        for number, (stream, batch, classes) in enumerate(zip(own, images, labels, strict=True)):
            if stream is None:
                found.append(one(number, batch, classes))
                continue
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                found.append(one(number, batch, classes))
        for stream in own:
            if stream is not None:
                torch.cuda.current_stream().wait_stream(stream)
        logits, losses, gradients = zip(*found, strict=True)
        return Outcome(
            torch.stack(logits), torch.stack(losses), [torch.stack(each) for each in zip(*gradients, strict=True)]
        )

    return step, [buffer for net in nets for buffer in net.buffers()]


WAYS: dict[str, Callable[[Sequence[nn.Module]], tuple[Step, list[Tensor]]]] = {
    "grouped": grouped,
    "products": products,
    "in turn": in_turn,
    "streams": streams,
}


def networks(count: int, device: torch.device) -> list[nn.Module]:
    """Of other weights each."""
    made: list[nn.Module] = []
    for seed in range(count):
        torch.manual_seed(seed)
        made.append(CIFARResNet(20).to(device))
    return made


def timed(count: int, device: torch.device, precision: torch.dtype, turns: int) -> dict[str, float]:
    """By the name of each way the median seconds of its step; what does not run or fit says so and has none."""
    images, labels = torch.randn(count, 128, 3, 32, 32, device=device), torch.arange(128, device=device) % 10
    labels = labels.repeat(count, 1)
    steps: dict[str, Step] = {}
    for name, way in WAYS.items():
        plain, moved = way(networks(count, device))

        def step(images: Tensor, labels: Tensor, plain: Step = plain) -> Outcome:
            with torch.autocast(device.type, precision, enabled=precision != torch.float32):
                return plain(images, labels)

        try:
            steps[name] = Captured(step, images, labels, moved) if device.type == "cuda" else step
            steps[name](images, labels)
        except RuntimeError as error:
            steps.pop(name, None)
            print(f"  {name}: {str(error).splitlines()[0]}")
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(turns):
        for name, made in steps.items():
            moments = [now(device)]
            while moments[-1] - moments[0] < SECONDS or len(moments) < 3:
                made(images, labels)
                moments.append(now(device))
            times[name].append(median(after - before for before, after in pairwise(moments)))
    return {name: median(found) for name, found in times.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 3, 4, 8, 16])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--precision", choices=("32", "bf16"), default="32")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    device, precision = torch.device(args.device), torch.bfloat16 if args.precision == "bf16" else torch.float32
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"ResNet-20, batch 128, {args.precision}, {where}, torch {torch.__version__}: ms a step, and of that each")
    for count in args.counts:
        print(f"{count} at once")
        for name, seconds in timed(count, device, precision, args.turns).items():
            print(f"  {name:9} {seconds * 1e3:8.2f} {seconds * 1e3 / count:8.2f}")


if __name__ == "__main__":
    main()
