"""Time and peak memory of every criterion on ResNet-50 (ImageNet stem, 224 pixels, a batch of 8, on the CPU).

python -m benchmarks.criteria

Each criterion is called once, after a small warm-up, in a process of its own, whose largest resident set is the memory:
torch, the network and its batch included. The first row is a process that does one forward and one backward pass of the
same batch instead, as training does.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lth_lightning.models import ResNet
from lth_lightning.sparsity import SNIP, Batches, Criterion, GraSP, Magnitude, Mask, Random, SynFlow, diagnose, prunable

SIZE, BATCH = 224, 8


def training_pass(net: nn.Module, mask: Mask, batches: Batches) -> None:
    """One forward and one backward pass."""
    for images, labels in batches:
        cross_entropy(net(images), labels).backward()  # type: ignore[no-untyped-call]


def diagnosis(net: nn.Module, mask: Mask, batches: Batches) -> None:
    """The structure under the mask."""
    for images, _ in batches:
        diagnose(net, mask, images.shape[1:])


CALLS: dict[str, Criterion | Callable[[nn.Module, Mask, Batches], None]] = {
    "forward and backward": training_pass,
    "Magnitude": Magnitude(),
    "Random": Random(),
    "SNIP": SNIP(),
    "GraSP": GraSP(),
    "SynFlow, one step": SynFlow(),
    "diagnose": diagnosis,
}


def measure(name: str) -> str:
    """One row: seconds of the call, and this process's largest resident set so far."""
    torch.manual_seed(0)
    net = ResNet(50, num_classes=1000, stem="imagenet")
    mask = Mask.dense(prunable(net))
    small = ResNet(18, num_classes=10, width=0.05, stem="imagenet")  # loads kernels, starts threads
    CALLS[name](small, Mask.dense(prunable(small)), [(torch.randn(4, 3, 64, 64), torch.arange(4))])
    batch = torch.randn(BATCH, 3, SIZE, SIZE), torch.arange(BATCH)
    begun = time.perf_counter()
    CALLS[name](net, mask, [batch])
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kibibytes on Linux
    return f"  {name:22} {seconds:7.2f} s  {peak:6.2f} GiB"


def main() -> None:
    """Measure each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=CALLS, help="measure one, in this process")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.only:
        print(measure(args.only))
        return
    print(f"ResNet-50, {SIZE} pixels, batch {BATCH}, {args.threads} threads, torch {torch.__version__}", flush=True)
    for name in CALLS:
        command = [sys.executable, "-m", "benchmarks.criteria", "--only", name, "--threads", str(args.threads)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
