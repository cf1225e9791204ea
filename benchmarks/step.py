"""What a step through lth_lightning costs, against a hand-written PyTorch loop.

python -m benchmarks.step lenet
python -m benchmarks.step resnet20 --precision bf16-mixed

Both train the same network on the same batches (digits-like random images held in memory, the loader of
`lth_lightning.data`) in the same process, in turn, several times. The hand loop is forward, loss, backward and step,
and nothing else; lth_lightning masks half of the weights, tallies accuracy and loss, seeds every step and keeps its
checkpoint, as in `lth run`. Reported is the time per step of each turn, its minimum and median, and their ratio.
"""

import argparse
import tempfile
import time
import warnings
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback
from torch.nn.functional import cross_entropy

from lth_lightning.data import Arrays, Npz
from lth_lightning.experiments.trainer import quiet_trainer
from lth_lightning.models import CIFARResNet, LeNet300100
from lth_lightning.sparsity import AtInit
from lth_lightning.training import Classifier, History, LastCheckpoint, Milestones, SeedSteps, Sparsify

TASKS: dict[str, dict[str, Any]] = {
    "lenet": {"net": LeNet300100, "shape": (28, 28, 1), "batch": 60, "lr": 0.1, "augment": False},
    "resnet20": {"net": CIFARResNet, "shape": (32, 32, 3), "batch": 128, "lr": 0.1, "augment": True},
}


class Timed(Classifier):
    """Times its steps; a callback would cost at every hook."""

    warm = 0

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        """Begin after the warm-up steps."""
        if batch_idx == self.warm:
            self.begun = time.perf_counter()
        return super().training_step(batch, batch_idx)

    def on_train_epoch_end(self) -> None:
        """End."""
        self.seconds = time.perf_counter() - self.begun
        super().on_train_epoch_end()


def data_of(task: dict[str, Any], steps: int, folder: Path) -> Npz:
    """Random images, as many as the steps need."""
    rng = np.random.default_rng(0)
    count, shape = steps * task["batch"], task["shape"]
    images = rng.integers(0, 256, (count + 10, *shape), dtype=np.uint8)
    labels = np.arange(count + 10) % 10
    path = folder / "random.npz"
    Arrays(images[:count], labels[:count], images[count:], labels[count:]).write(path)
    batch, augment = task["batch"], task["augment"]
    return Npz(str(path), batch_size=batch, validation=0.0, augment=augment, flip=augment, drop_last=True)


def by_hand(task: dict[str, Any], precision: str, data: Npz, warm: int) -> float:
    """Seconds per step of a plain loop."""
    torch.manual_seed(0)
    net = task["net"]().train()
    if task["net"] is CIFARResNet:
        net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=task["lr"], momentum=0.9, weight_decay=1e-4)
    loader = data.train_dataloader()
    for step, (images, labels) in enumerate(loader):
        if step == warm:
            begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16) if precision == "bf16-mixed" else nullcontext():
            loss = cross_entropy(net(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return (time.perf_counter() - begun) / (len(loader) - warm)


def by_lth(task: dict[str, Any], precision: str, data: Npz, warm: int, sparse: bool, folder: Path) -> float:
    """Seconds per step through our Trainer, callbacks and module."""
    torch.manual_seed(0)

    def sgd(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=task["lr"], momentum=0.9, weight_decay=1e-4)

    module = Timed(task["net"](), sgd, Milestones(["80ep", "120ep"]))
    module.warm = warm
    callbacks: list[Callback] = [*([Sparsify(AtInit(0.5))] if sparse else []), SeedSteps(0)]
    callbacks += [History(folder / "metrics.jsonl"), LastCheckpoint(folder / "last.ckpt")]
    config = {"max_epochs": 1, "accelerator": "cpu", "precision": precision, "limit_val_batches": 0}
    trainer = quiet_trainer(config, folder, callbacks, 0)
    trainer.fit(module, datamodule=data)
    return module.seconds / (trainer.global_step - warm)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--precision", default="32-true", choices=["32-true", "bf16-mixed"])
    parser.add_argument("--steps", type=int, default=None, help="steps per turn (default: 600 LeNet, 30 ResNet)")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.filterwarnings("ignore")
    task, steps = TASKS[args.task], args.steps or (600 if args.task == "lenet" else 30)
    warm = max(3, steps // 10)
    times: dict[str, list[float]] = {"by hand": [], "lth, dense": [], "lth, with mask": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = data_of(task, steps, folder)
        for _ in range(args.turns):
            times["by hand"].append(by_hand(task, args.precision, data, warm))
            times["lth, dense"].append(by_lth(task, args.precision, data, warm, False, folder))
            times["lth, with mask"].append(by_lth(task, args.precision, data, warm, True, folder))
    print(f"{args.task}, batch {task['batch']}, {args.precision}, {args.threads} threads, torch {torch.__version__}")
    hand = times["by hand"]
    for name, seconds in times.items():
        ratio = median(ours / theirs for ours, theirs in zip(seconds, hand, strict=True))
        print(
            f"  {name:15} min {min(seconds) * 1e3:8.3f} ms  median {median(seconds) * 1e3:8.3f} ms"
            f"  {ratio:.2f} x by hand (median of {args.turns} paired turns)"
        )


if __name__ == "__main__":
    main()
