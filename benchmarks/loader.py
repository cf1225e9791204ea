"""How fast images are read from files, against the step that waits for them.

python -m benchmarks.loader DATA/tiny-imagenet-20 --size 64

For each number of reading processes: images a second of `FileLoader`; of the loader that torchvision's tutorials make
of `ImageFolder`, `v2` and torch's `DataLoader`; and of a training (forward, backward, SGD; as many threads as by
default) that takes its batches from `FileLoader`, with the share of its time that it waits. In turns; medians, least
and largest.
"""

import argparse
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from lth_lightning.data import Folder
from lth_lightning.data.folder import MEAN, STD
from lth_lightning.data.throughput import Pace, images_per_second
from lth_lightning.models import MobileNetV2, ResNet

Batch = tuple[Tensor, Tensor]


def theirs(args: argparse.Namespace, workers: int) -> Iterable[Batch]:
    """The loader of torchvision's tutorials."""
    change = [v2.RandomResizedCrop(args.size), v2.RandomHorizontalFlip(), v2.ToImage()]
    change += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN.tolist(), STD.tolist())]
    files = ImageFolder(args.root / "train", v2.Compose(change))
    loader: Iterable[Batch] = DataLoader(files, args.batch, shuffle=True, num_workers=workers)
    return loader


def ours(args: argparse.Namespace, workers: int) -> Iterable[Batch]:
    """The loader of `lth run`."""
    data = Folder(str(args.root.absolute()), args.batch, validation=0, size=args.size, workers=workers)
    return data.train_dataloader()


def trained(net: nn.Module, batches: Iterable[Batch]) -> Pace:
    """The pace of a training on batches."""
    optimizer, pace = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9), Pace()
    for images, labels in pace.clocked(batches):
        loss = cross_entropy(net(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return pace


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="folder with train and val")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=30, help="that are read in a turn")
    parser.add_argument("--steps", type=int, default=6, help="that are trained in a turn, after the first")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    nets = {"ResNet-18": ResNet(18, 20, stem="imagenet"), "MobileNetV2": MobileNetV2(20, stem="imagenet")}
    found: dict[str, list[float]] = {}
    for _ in range(args.turns):
        for workers in args.workers:
            for name, loader in (("FileLoader", ours(args, workers)), ("torchvision", theirs(args, workers))):
                found.setdefault(f"{workers} workers: {name}, images/s", []).append(
                    images_per_second(loader, args.batches)
                )
            for name, net in nets.items():
                loader = ours(args, workers)
                next(batches := iter(loader))  # the processes have begun
                pace = trained(net, islice(batches, args.steps + 1))
                total = pace.waiting + pace.working
                found.setdefault(f"{workers} workers: {name} trains, images/s", []).append(pace.images / total)
                found.setdefault(f"{workers} workers: {name} waits, %", []).append(100 * pace.waiting / total)
        for name, net in nets.items():
            batch = next(iter(ours(args, 0)))
            pace = trained(net, [batch] * (args.steps + 1))
            found.setdefault(f"no files: {name} trains, images/s", []).append(pace.images / pace.working)
        loader = ours(args, 1)
        for when in ("first", "later"):
            begun = time.perf_counter()
            next(iter(loader))
            found.setdefault(f"1 worker: seconds to the first batch of the {when} epoch", []).append(
                time.perf_counter() - begun
            )
    print(f"{args.size} pixels, batch {args.batch}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name, values in sorted(found.items()):
        print(f"  {name:58} {median(values):8.2f}  ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
