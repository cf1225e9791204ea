"""What a line between two networks costs: `python -m benchmarks.line resnet20`, `python -m benchmarks.line resnet50`.

Thirty places against thirty evaluations of one network, in turns; and the most memory that the process had.
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.models import resnet50

from lth_lightning.analysis import along, alphas, evaluate
from lth_lightning.models import CIFARResNet, LeNet300100

PLACES = 30


def lenet() -> tuple[nn.Module, list[tuple[Tensor, Tensor]]]:
    """LeNet-300-100, and 10,000 images of MNIST's size."""
    return LeNet300100(), images((1, 28, 28), 20, 500)


def resnet20() -> tuple[nn.Module, list[tuple[Tensor, Tensor]]]:
    """ResNet-20, and 500 images of CIFAR-10's size."""
    return CIFARResNet(20), images((3, 32, 32), 1, 500)


def large() -> tuple[nn.Module, list[tuple[Tensor, Tensor]]]:
    """ResNet-50, and a batch of ImageNet's size."""
    return resnet50(weights=None), images((3, 224, 224), 1, 32)


def images(shape: tuple[int, int, int], batches: int, size: int) -> list[tuple[Tensor, Tensor]]:
    """Random batches."""
    return [(torch.randn(size, *shape), torch.randint(0, 10, (size,))) for _ in range(batches)]


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def main(name: str, turns: int = 5) -> None:
    """Measure and print."""
    net, batches = {"lenet": lenet, "resnet20": resnet20, "resnet50": large}[name]()
    one, other = ({key: value.clone() for key, value in net.state_dict().items()} for _ in range(2))
    places = alphas(PLACES if name != "resnet50" else 3)
    turns = turns if name != "resnet50" else 1
    ratios = []
    for _ in range(turns):
        line = seconds(lambda: along(net, one, other, places, batches, "interpolated"))
        ratios.append(line / seconds(lambda: [evaluate(net, batches) for _ in places]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name}: {len(places)} places cost {statistics.median(ratios):.3f} x as many evaluations", end=" ")
    print(f"({min(ratios):.3f} to {max(ratios):.3f}, {turns} turns); at most {memory:.2f} GiB")


if __name__ == "__main__":
    main(sys.argv[1])
