"""Small real trainings on the embedded digits, for tests of what goes on over many trainings."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback
from torch import nn

from lth_lightning.data import Digits
from lth_lightning.experiments import Built, Ledger, LightningRecipe
from lth_lightning.models import Conv, LeNet300100
from lth_lightning.training import Classifier, Milestones, Seeds, seeded


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


def build(seeds: Seeds, init: int, *callbacks: Callback, net: Any = Net, **trainer: Any) -> Built:
    """A fresh module, data module and Trainer arguments: 3 epochs of 4 batches."""
    with seeded("init", init):
        module = Classifier(
            net(),
            lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-3),
            Milestones(["1ep", "9it"], 0.5, warmup="2it"),
        )
    data = Digits(batch_size=32, subset=140, augment=True, pad=1, order_seed=seeds.order, augment_seed=seeds.augment)
    return Built(module, data, {"max_epochs": 3, "accelerator": "cpu", "callbacks": [*callbacks], **trainer})


def recipe(root: Path, seed: int = 0, save_seconds: float = 1e9, **options: Any) -> LightningRecipe:
    """A recipe for tiny trainings, each a tenth of a second."""
    return LightningRecipe(
        build=lambda seeds, init: build(seeds, init, **options),
        seeds=Seeds.of(seed),
        root=root,
        labels={"experiment": "Tiny", "seed": seed},
        ledger=Ledger(root / "results.jsonl"),
        save_seconds=save_seconds,
    )


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights and buffers in a checkpoint."""
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether two states are equal bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


__all__ = ["Conv", "LeNet300100", "Net", "build", "recipe", "same", "weights"]
