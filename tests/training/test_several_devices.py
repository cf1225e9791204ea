"""Masks that move on two devices: two processes on the CPU, with Lightning's own strategy."""

from pathlib import Path
from typing import Any

import pytest
import torch
from foreign import Batches, Foreign
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn, optim

from lth_lightning.sparsity import (
    SET,
    SNIP,
    AtInit,
    Draw,
    Gradual,
    GraSP,
    Mask,
    Neurons,
    Now,
    Policy,
    Random,
    RigL,
    Sample,
    Uniform,
    count,
    generator,
)
from lth_lightning.sparsity.neurons import LocalImitation
from lth_lightning.training import Sparsify

SIZES = {"body.0.weight": 4 * 9, "body.4.weight": 64 * 3}
START = AtInit(0.4, Random(1), Uniform())


def rank() -> int:
    """Of this process."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


class Data(LightningDataModule):
    """Batches that all devices share, or of its own for each."""

    def __init__(self, shared: bool) -> None:
        super().__init__()
        self.shared = shared

    def train_dataloader(self) -> Batches:
        return Batches(size=6 if self.shared else 6 + rank())


class OfItsRank(SET):
    """Draws otherwise on every device: at the start, and when it grows."""

    def start(self, net: nn.Module, weights: Mask, draw: Draw) -> Mask:
        return AtInit(0.4, Random(rank()), Uniform()).start(net, weights)

    def growth(self, net: nn.Module, mask: Mask, now: Now) -> dict[str, Tensor]:
        return {n: torch.rand(kept.shape, generator=generator(n, now.step, rank())) for n, kept in mask.items()}


class Saved(Callback):
    """Leaves what each device has at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        (sparsify,) = (each for each in trainer.callbacks if isinstance(each, Sparsify))  # type: ignore[attr-defined]
        weights = {name: value.clone() for name, value in pl_module.named_parameters()}
        torch.save({**sparsify.state_dict(), "weights": weights}, self.folder / f"{trainer.global_rank}.pt")


def train(folder: Path, policy: Policy, shared: bool, devices: int) -> list[dict[str, Any]]:
    """Three epochs of four batches; what each device has at the end."""
    folder.mkdir()
    options: dict[str, Any] = {"strategy": DDPStrategy(start_method="fork")} if devices > 1 else {}
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        max_epochs=3,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        callbacks=[Sparsify(policy), Saved(folder)],
        **options,
    )
    module = Foreign(lambda parameters: optim.AdamW(parameters, lr=0.01))
    trainer.fit(module, datamodule=Data(shared))
    return [torch.load(folder / f"{number}.pt", weights_only=True) for number in range(devices)]


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


POLICIES: list[Policy] = [
    RigL(START, every="2it"),
    RigL(START, every="2it", variant="after_step", sample=Sample(per_class=None, batches=2)),
    OfItsRank(START, every="2it"),
    Gradual(0.4, every="2it"),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Lightning's, about processes
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_all_devices_have_the_mask_of_the_first_and_its_weights(policy: Policy, tmp_path: Path) -> None:
    first, second = train(tmp_path / "two", policy, shared=False, devices=2)
    assert same(first["mask"], second["mask"])
    assert first["history"] == second["history"]
    assert first["dense_gradients"] == second["dense_gradients"]
    assert same(first["weights"], second["weights"])
    assert len(first["history"]) >= 5
    assert first["history"][-1][1] == {name: count(0.4, size) for name, size in SIZES.items()}
    for name, kept in first["mask"].items():
        assert first["weights"][name][~kept].count_nonzero() == 0


THREE = Sample(per_class=None, batches=3)  # of which one device scores two


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "policy",
    [*POLICIES[:2], AtInit(0.4, SNIP(), sample=THREE), AtInit(0.4, GraSP(), steps=2, sample=THREE)],
    ids=["replaces_step", "after_step", "SNIP", "GraSP"],
)
def test_two_devices_with_the_same_images_train_as_one_does(policy: Policy, tmp_path: Path) -> None:
    (alone,) = train(tmp_path / "one", policy, shared=True, devices=1)
    for each in train(tmp_path / "two", policy, shared=True, devices=2):
        assert same(each["mask"], alone["mask"])
        assert same(each["weights"], alone["weights"])
        assert each["history"] == alone["history"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_neurons_are_those_of_the_first_device_and_so_are_the_weights_of_what_reads_them(tmp_path: Path) -> None:
    policy = Neurons(0.6, LocalImitation(), Sample(per_class=None, batches=1))  # each device chooses by its own images
    first, second = train(tmp_path / "two", policy, shared=False, devices=2)
    assert same(first["mask"], second["mask"])
    assert same(first["weights"], second["weights"])
    assert [step for step, _ in first["history"]] == [0, 6]
    assert Mask(first["mask"]).density <= 0.6
    for name, kept in first["mask"].items():
        assert first["weights"][name][~kept].count_nonzero() == 0
