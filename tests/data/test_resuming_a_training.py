from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lth_lightning.data import Digits, module

BATCHES = 5  # 1,260 training images in batches of 256


class Net(LightningModule):
    """A small network whose batches are recorded."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
        self.seen: list[tuple[int, int]] = []

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        self.seen.append((self.current_epoch, index))
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        return self.net(batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class Cut(Callback):
    """Saves a checkpoint after a batch and stops the process there."""

    def __init__(self, path: Path, at: tuple[int, int]) -> None:
        self.path, self.at = path, at

    def on_train_batch_end(self, trainer: Trainer, net: LightningModule, *args: Any) -> None:
        if (trainer.current_epoch, args[-1]) == self.at:
            trainer.save_checkpoint(self.path)
            raise InterruptedError


def fit(
    *callbacks: Callback, ckpt_path: Path | None = None, spoilt: dict[str, Any] | None = None, **options: Any
) -> Net:
    net = Net()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=3,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **options,
    )
    data = Digits(batch_size=256, augment=True, pad=1, flip=True, **(spoilt or {}))
    try:
        trainer.fit(net, data, ckpt_path=ckpt_path, weights_only=False)
    except InterruptedError:
        assert ckpt_path is None
    return net


@pytest.mark.parametrize(
    ("at", "options"),
    [
        ((0, 0), {}),
        ((1, 1), {}),
        ((1, BATCHES - 1), {}),
        ((1, 2), {"limit_train_batches": 3}),
        ((1, 1), {"val_check_interval": 2}),
    ],
    ids=str,
)
def test_a_training_killed_anywhere_continues_bit_for_bit(
    at: tuple[int, int], options: dict[str, int], tmp_path: Path
) -> None:
    whole = fit(**options)
    cut = fit(Cut(tmp_path / "cut.ckpt", at), **options)
    resumed = fit(ckpt_path=tmp_path / "cut.ckpt", **options)
    assert cut.seen + resumed.seen == whole.seen
    assert cut.seen[-1] == at
    assert resumed.seen
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_a_training_on_corrupted_data_continues_bit_for_bit_in_a_new_process(tmp_path: Path) -> None:
    spoilt = {"random_labels": True, "shuffle_pixels": True, "train_share": 0.7}
    whole = fit(spoilt=spoilt)
    cut = fit(Cut(tmp_path / "cut.ckpt", (1, 1)), spoilt=spoilt)
    module._train.cache_clear()  # as a new process would begin
    resumed = fit(ckpt_path=tmp_path / "cut.ckpt", spoilt=spoilt)
    assert cut.seen + resumed.seen == whole.seen == [(epoch, index) for epoch in range(3) for index in range(4)]
    assert cut.seen[-1] == (1, 1)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_a_training_at_the_end_of_an_epoch_continues_bit_for_bit(tmp_path: Path) -> None:
    class Keep(Callback):
        def on_train_epoch_end(self, trainer: Trainer, net: LightningModule) -> None:
            trainer.save_checkpoint(tmp_path / f"{trainer.current_epoch}.ckpt")

    whole = fit(Keep())
    resumed = fit(ckpt_path=tmp_path / "0.ckpt")
    assert resumed.seen == [(epoch, index) for epoch in (1, 2) for index in range(BATCHES)]
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_all_stages_run_without_a_warning() -> None:
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        limit_val_batches=0,
    )
    net = Net()
    net.test_step = net.predict_step = net.validation_step  # type: ignore[method-assign]
    trainer.fit(net, Digits(validation=0, batch_size=100))
    assert trainer.global_step == 14
    trainer.test(net, Digits(), weights_only=False)
    assert trainer.num_test_batches == [1]
    trainer.predict(net, Digits(eval_batch_size=100), weights_only=False)
    assert trainer.num_predict_batches == [4]
