"""The straight step is Lightning's step."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from tiny import build, plain, same

from lth_lightning.experiments.trainer import quiet_trainer
from lth_lightning.sparsity import AtInit, Policy, RigL
from lth_lightning.training import DirectEpoch, Repel, Seeds, SeedSteps, Sparsify


class Noted(Callback):
    """Notes the hooks of a step and what they were given."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []

    def on_before_zero_grad(self, trainer: Any, module: Any, optimizer: Any) -> None:
        self.calls.append(("zero_grad", 0.0))

    def on_before_backward(self, trainer: Any, module: Any, loss: torch.Tensor) -> None:
        self.calls.append(("backward", float(loss.detach())))

    def on_after_backward(self, trainer: Any, module: Any) -> None:
        self.calls.append(("after", float(module.net.body[1].weight.grad.norm())))

    def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
        self.calls.append(("step", float(module.net.body[1].weight.grad.norm())))

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        self.calls.append(("start", float(batch[0].float().mean())))

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.calls.append(("end", float(outputs["loss"])))
        self.calls.append(("count", trainer.global_step))


STILL = AtInit(0.3)


def trained(
    folder: Path, ours: bool, *first: Callback, policy: Policy = STILL, **config: Any
) -> tuple[Any, Noted, Any]:
    noted = Noted()
    built = build(Seeds.of(0), 0, **config)
    callbacks = [*first, SeedSteps(0), noted, Sparsify(policy)]
    trainer = quiet_trainer(built.trainer, folder, callbacks, 0)
    assert isinstance(trainer.fit_loop.epoch_loop, DirectEpoch)
    if not ours:
        trainer.fit_loop.epoch_loop = _TrainingEpochLoop(trainer)
    trainer.fit(built.module, datamodule=built.data)
    trainer.save_checkpoint(folder / "end.ckpt")
    return trainer, noted, torch.load(folder / "end.ckpt", weights_only=True)


@pytest.mark.parametrize("variant", ["replaces_step", "after_step"])
def test_masks_that_move_do_so_alike_in_the_straight_step_and_in_lightnings_own(tmp_path: Path, variant: Any) -> None:
    policy = RigL(AtInit(0.3), every="2it", variant=variant)
    (_, our_calls, mine), (_, their_calls, theirs) = (
        trained(tmp_path / str(ours), ours, policy=policy) for ours in (True, False)
    )
    assert our_calls.calls == their_calls.calls
    assert same(mine["state_dict"], theirs["state_dict"])
    assert len(mine["callbacks"]["Sparsify"]["history"]) > 4
    assert plain(mine["callbacks"]["Sparsify"]) == plain(theirs["callbacks"]["Sparsify"])


@pytest.mark.parametrize("config", [{}, {"precision": "bf16-mixed"}, {"precision": "bf16-true"}], ids=str)
def test_the_straight_step_gives_the_weights_hooks_and_checkpoint_of_lightnings_own(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    ours, our_calls, mine = trained(tmp_path / "ours", True, **config)
    _, their_calls, theirs = trained(tmp_path / "theirs", False, **config)
    assert ours.fit_loop.epoch_loop._plain
    assert same(mine["state_dict"], theirs["state_dict"])
    assert our_calls.calls == their_calls.calls
    assert mine["loops"] == theirs["loops"]
    assert len(our_calls.calls) == 7 * 12


@pytest.mark.parametrize(
    "config", [{"accumulate_grad_batches": 2}, {"gradient_clip_val": 0.1}], ids=["accumulation", "clipping"]
)
def test_a_training_that_is_not_plain_takes_lightnings_way(tmp_path: Path, config: dict[str, Any]) -> None:
    ours, _, mine = trained(tmp_path / "ours", True, **config)
    _, _, theirs = trained(tmp_path / "theirs", False, **config)
    assert ours.fit_loop.epoch_loop._plain is False
    assert same(mine["state_dict"], theirs["state_dict"])


def test_a_loss_that_a_callback_adds_leaves_a_training_plain(tmp_path: Path) -> None:
    _, _, before = trained(tmp_path / "before", True)
    optima = [tmp_path / "before" / "end.ckpt"]
    ours, our_calls, mine = trained(tmp_path / "ours", True, Repel(optima, 2.0))
    _, their_calls, theirs = trained(tmp_path / "theirs", False, Repel(optima, 2.0))
    assert ours.fit_loop.epoch_loop._plain
    assert our_calls.calls == their_calls.calls
    assert same(mine["state_dict"], theirs["state_dict"])
    assert not same(mine["state_dict"], before["state_dict"])


def test_a_module_with_a_backward_of_its_own_is_not_plain(tmp_path: Path) -> None:
    built = build(Seeds.of(0), 0)

    class Doubled(type(built.module)):  # type: ignore[misc]
        def backward(self, loss: torch.Tensor, *args: Any, **kwargs: Any) -> None:
            (2 * loss).backward()

    built.module.__class__ = Doubled
    trainer = quiet_trainer({**built.trainer, "max_epochs": 1}, tmp_path, [], 0)
    with warnings.catch_warnings():
        trainer.fit(built.module, datamodule=built.data)
    assert trainer.fit_loop.epoch_loop._plain is False
