"""Nothing that others do to gradients between the masking and the step revives a pruned weight."""

from functools import partial
from typing import Any

import pytest
from foreign import Foreign, OptimizerOf, fit
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, optim
from watch import Watch

from lth_lightning.sparsity import AtInit, count, prunable
from lth_lightning.training import Sparsify

NESTEROV = partial(optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
ADAMW = partial(optim.AdamW, lr=0.01, weight_decay=0.1, amsgrad=True)


def centralise(module: LightningModule) -> None:
    """Subtract the mean from every gradient (Yong et al., 2020, arXiv:2004.01461), which fills in the zeros."""
    for weight in prunable(module).values():
        weight.grad -= weight.grad.mean()


class BeforeClipping(Foreign):
    def on_before_optimizer_step(self, optimizer: optim.Optimizer) -> None:
        centralise(self)


class InsteadOfClipping(Foreign):
    def configure_gradient_clipping(self, *args: Any, **kwargs: Any) -> None:
        centralise(self)


class ByItself(Foreign):
    """Steps the bare optimizer, of which Lightning is told nothing."""

    def __init__(self, optimizer: OptimizerOf) -> None:
        super().__init__(optimizer)
        self.automatic_optimization = False

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        optimizer = self.optimizers(use_pl_optimizer=False)
        optimizer.zero_grad()
        super().training_step(batch, batch_idx).backward()
        optimizer.step()


class Centralise(Callback):
    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        centralise(pl_module)


@pytest.mark.parametrize("optimizer", [NESTEROV, ADAMW], ids=["momentum", "adam"])
@pytest.mark.parametrize(
    ("kind", "callbacks"),
    [(BeforeClipping, []), (InsteadOfClipping, []), (ByItself, []), (Foreign, [Centralise()])],
    ids=["before clipping", "instead of clipping", "by itself", "callback"],
)
def test_gradients_that_others_change_after_masking_revive_nothing(
    kind: type[Foreign], callbacks: list[Callback], optimizer: OptimizerOf
) -> None:
    module, watch = kind(optimizer), Watch(count(0.3, 4 * 9 + 64 * 3))
    fit(module, Sparsify(AtInit(0.3)), watch, *callbacks)
    assert watch.looks == 16
    assert module.batches == 8
