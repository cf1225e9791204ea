"""Small real trainings on the embedded digits, for tests of what goes on over many trainings."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.pytorch import Callback
from torch import nn

from lth_lightning.data import Digits
from lth_lightning.experiments import Built, Ledger, LightningRecipe, Observer
from lth_lightning.models import Conv, LeNet300100
from lth_lightning.training import Classifier, Milestones, Seeds, load, seeded

SCHEDULE = Milestones(["1ep", "9it"], 0.5, warmup="2it")


def momentum(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-3)


class Net(nn.Module):
    """Dropout, batch norm and linear layers: everything that a resumed training could get wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 10)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.body(images)
        return logits


def build(
    seeds: Seeds,
    init: int,
    width: float | None = None,
    *callbacks: Callback,
    net: Any = Net,
    optimizer: Any = momentum,
    schedule: Any = SCHEDULE,
    **trainer: Any,
) -> Built:
    """A fresh module, data module and Trainer arguments: 3 epochs of 4 batches."""
    with seeded("init", init):
        module = Classifier(net(), optimizer, schedule)
    data = Digits(batch_size=32, subset=140, augment=True, pad=1, order_seed=seeds.order, augment_seed=seeds.augment)
    return Built(module, data, {"max_epochs": 3, "accelerator": "cpu", "callbacks": [*callbacks], **trainer})


def recipe(
    root: Path,
    seed: int = 0,
    save_seconds: float = 1e9,
    callbacks: Callable[[], Sequence[Callback]] = tuple,
    observers: Sequence[Observer] = (),
    **options: Any,
) -> LightningRecipe:
    """A recipe for tiny trainings, each a tenth of a second; every training gets fresh callbacks."""
    return LightningRecipe(
        build=lambda seeds, init, width=None: build(seeds, init, width, *callbacks(), **options),
        seeds=Seeds.of(seed),
        root=root,
        labels={"experiment": "Tiny", "seed": seed},
        ledger=Ledger(root / "results.jsonl"),
        observers=observers,
        save_seconds=save_seconds,
    )


class Crash(Callback):
    """Raises SystemError in a hook, such as 'on_train_batch_end', when it is called for the nth time."""

    def __init__(self, hook: str, nth: int = 1) -> None:
        self.left = nth
        setattr(self, hook, self._called)

    def _called(self, *args: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise SystemError("killed")


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights and buffers in a checkpoint."""
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether two states are equal bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def contents(folder: Path) -> dict[str, Any]:
    """Every file below a folder, hidden ones too, in a form that is equal if the file says the same.

    Left out are the time taken, and a counter that only loggers read: Lightning counts batches from the last restart.
    """
    # times, and who is at it: the only files that may differ
    own = ("timing.json", ".lock", ".turn", ".ended.json", ".jobs")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in own]
    binary = (".ckpt", ".pt")
    return {
        path.relative_to(folder).as_posix(): plain(torch.load(path, weights_only=True))
        if path.suffix in binary
        else path.read_text()
        for path in files
    }


def plain(value: Any) -> Any:
    """A checkpoint with every tensor as its type and exact values."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "_batches_that_stepped"}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return (str(value.dtype), value.tolist()) if isinstance(value, torch.Tensor) else value


def of_a_run(folder: Path) -> dict[str, Any]:
    """The contents of an experiment's folder, but for its name and how often it was saved, which may differ."""
    found = contents(folder)
    config = yaml.safe_load(found.pop("config.yaml"))
    return {**found, "config.yaml": {key: config[key] for key in config if key not in ("folder", "save_seconds")}}


def saved(folder: Path) -> int:
    """The step from which a training goes on."""
    for name in ("last.ckpt", "start.ckpt"):
        if (folder / name).exists():
            return int(load(folder / name)["global_step"])
    return 0


__all__ = [
    "SCHEDULE",
    "Conv",
    "Crash",
    "LeNet300100",
    "Net",
    "build",
    "contents",
    "momentum",
    "of_a_run",
    "plain",
    "recipe",
    "same",
    "saved",
    "weights",
]
