"""What a training step of ResNet-20 on 128 images costs by precision and memory format.

python -m benchmarks.formats
python -m benchmarks.formats --turns 5 --threads 1

Forward, loss, backward and step, of random images. Every figure is of a process of its own, in turns, as torch 2.15 may
corrupt its memory in channels_last on CPUs without AVX-512. Beside the times stands what `lth` chooses here.
"""

import argparse
import subprocess
import sys
import time
from contextlib import nullcontext
from statistics import median

import torch
from torch.nn.functional import cross_entropy

from lth_lightning.models import CIFARResNet

PRECISIONS = ("32-true", "bf16-mixed")
FORMATS = ("contiguous", "channels_last")


def seconds_of_a_step(precision: str, layout: str, steps: int) -> float:
    """The fastest of so many steps, after one to warm up."""
    torch.manual_seed(0)
    net = CIFARResNet(20)
    if layout == "channels_last":
        net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, fused=True)
    images, labels = torch.randn(128, 3, 32, 32), torch.arange(128) % 10
    times = []
    for _ in range(steps + 1):
        begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16) if precision == "bf16-mixed" else nullcontext():
            loss = cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        times.append(time.perf_counter() - begun)
    return min(times[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs=2, metavar=("PRECISION", "FORMAT"), help="measure one, in this process")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.only:
        precision, layout = args.only
        print(seconds_of_a_step(precision, layout, args.steps))
        return
    pairs = [(precision, layout) for precision in PRECISIONS for layout in FORMATS]
    times: dict[tuple[str, str], list[float]] = {pair: [] for pair in pairs}
    command = [sys.executable, "-m", "benchmarks.formats", "--steps", str(args.steps), "--threads", str(args.threads)]
    for _ in range(args.turns):
        for pair in pairs:
            done = subprocess.run([*command, "--only", *pair], capture_output=True, text=True)
            if done.returncode:
                print(f"{' '.join(pair)} ended with exit code {done.returncode}: {done.stderr[-200:]}")
            else:
                times[pair].append(float(done.stdout) * 1e3)
    print(f"ResNet-20, batch 128, {args.threads} threads, torch {torch.__version__}, ms a step")
    for pair, found in times.items():
        if found:
            print(f"  {pair[0]:10} {pair[1]:13} min {min(found):7.1f}  median {median(found):7.1f}  of {len(found)}")
    from lth_lightning.training.devices import default_channels_last, default_precision

    chosen = default_channels_last(CIFARResNet(20), torch.device("cpu"))
    print(f"  chosen here: {default_precision(CIFARResNet(20), 'cpu')} {FORMATS[chosen]}")


if __name__ == "__main__":
    main()
