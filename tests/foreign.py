"""A user's own LightningModule and batches, and a Trainer that shows nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from lth_lightning.sparsity import generator

OptimizerOf = Callable[[Any], Optimizer]


def momentum(parameters: Any) -> Optimizer:
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


class Foreign(LightningModule):
    """Nothing of ours, and no hook but those that a training needs; counts the batches that it is trained on."""

    def __init__(self, optimizer: OptimizerOf = momentum) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.body = nn.Sequential(
                nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
            )
        self.optimizer = optimizer
        self.batches = 0

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.body(images)
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        self.batches += 1
        return cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> Any:
        return self.optimizer([p for p in self.parameters() if p.requires_grad])


class Batches:
    """Images (B, 1, 4, 4) of 3 classes, in the same order every epoch: any iterable that has a length.

    Args:
        count: Number of batches.
        size: Images in a batch.
    """

    def __init__(self, count: int = 4, size: int = 6) -> None:
        draws = generator("batches", count, size)
        self.batches = [
            (torch.randn(size, 1, 4, 4, generator=draws), torch.randint(0, 3, (size,), generator=draws))
            for _ in range(count)
        ]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(self.batches)


def trainer(*callbacks: Callback, **options: Any) -> Trainer:
    quiet: dict[str, Any] = {
        "accelerator": "cpu",
        "max_epochs": 2,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": any(isinstance(callback, Checkpoint) for callback in callbacks),
        "callbacks": list(callbacks),
    }
    return Trainer(**quiet | options)


def fit(module: LightningModule, *callbacks: Callback, start: Path | None = None, **options: Any) -> Trainer:
    """Train for two epochs of four batches unless the options say otherwise."""
    made = trainer(*callbacks, **options)
    made.fit(module, Batches(), ckpt_path=start, weights_only=True)
    return made
