"""Optimizers that update all weights by one call."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor, nn, optim
from torch.optim import Optimizer

from lth_lightning.experiments import Ticket
from lth_lightning.models import CIFARResNet
from lth_lightning.training.fused import align, fuse

Make = Callable[[Any], Optimizer]
ABLE: dict[str, Make] = {
    "sgd": lambda weights: optim.SGD(weights, lr=0.1),
    "momentum": lambda weights: optim.SGD(weights, lr=0.1, momentum=0.9, weight_decay=1e-2, nesterov=True),
    "adam": lambda weights: optim.Adam(weights, lr=0.01, weight_decay=1e-2),
    "adamw": lambda weights: optim.AdamW(weights, lr=0.01, weight_decay=1e-2),
}
TOLD: dict[str, Make] = {
    "not to": lambda weights: optim.SGD(weights, lr=0.1, fused=False),
    "otherwise": lambda weights: optim.Adam(weights, lr=0.1, foreach=True),
    "to damp": lambda weights: optim.SGD(weights, lr=0.1, momentum=0.9, dampening=0.5),
    "unable": lambda weights: optim.RMSprop(weights, lr=0.1),
}


def trained(make: Make, fused: bool, late: bool = False) -> list[Tensor]:
    """Weights after five steps; at first the last layer may have no gradient."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 5), nn.Linear(5, 3))
    optimizer = make(net.parameters())
    if fused:
        fuse(optimizer)
        assert all(group["fused"] for group in optimizer.param_groups)
    for step in range(5):
        optimizer.zero_grad()
        net[: 3 if late and step < 2 else 4](torch.randn(4, 5)).square().sum().backward()
        optimizer.step()
    return [weight.detach() for weight in net.parameters()]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", ABLE)
def test_one_call_does_what_many_do(name: str, late: bool) -> None:
    for found, expected in zip(trained(ABLE[name], True, late), trained(ABLE[name], False, late), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", TOLD)
def test_an_optimizer_that_was_told_how_or_cannot_is_left_alone(name: str) -> None:
    optimizer = TOLD[name](nn.Linear(2, 2).parameters())
    before = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    fuse(optimizer)
    after = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    assert before == after


@pytest.mark.parametrize("name", ["momentum", "adam", "adamw"])
def test_states_of_another_layout_are_laid_out_as_their_weights_before_a_call_goes_through_memory(name: str) -> None:
    def weight_after(restored: torch.memory_format) -> Tensor:
        torch.manual_seed(0)
        weight = nn.Parameter(torch.randn(4, 5, 3, 3))
        optimizer = ABLE[name]([weight])
        fuse(optimizer)
        for step in range(3):
            weight.grad = torch.randn(4, 5, 3, 3)
            if step == 1:
                state = optimizer.state[weight]
                state |= {key: v.to(memory_format=restored) for key, v in state.items() if v.dim() == 4}
                align(optimizer)
                assert all(v.stride() == weight.stride() for v in state.values() if v.dim() == 4)
            optimizer.step()
        return weight.detach()

    assert torch.equal(weight_after(torch.channels_last), weight_after(torch.contiguous_format))


def test_a_training_goes_on_bit_for_bit_from_states_that_another_machine_laid_out(tmp_path: Path) -> None:
    options: dict[str, Any] = {"net": partial(CIFARResNet, 8, channels=1, width=0.25), "save_seconds": 0}
    with pytest.raises(SystemError):
        tiny.recipe(tmp_path / "a", callbacks=lambda: [tiny.Crash("on_train_batch_start", 7)], **options).train(
            Ticket(), tmp_path / "a" / "x"
        )
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    saved = torch.load(tmp_path / "b" / "x" / "last.ckpt", weights_only=True)
    changed = 0
    for state in saved["optimizer_states"][0]["state"].values():
        if state["momentum_buffer"].dim() == 4:
            state["momentum_buffer"] = state["momentum_buffer"].to(memory_format=torch.channels_last)
            changed += state["momentum_buffer"].stride(1) == 1
    assert changed
    torch.save(saved, tmp_path / "b" / "x" / "last.ckpt")
    for name in "ab":
        tiny.recipe(tmp_path / name, **options).train(Ticket(), tmp_path / name / "x")
    a, b = (tiny.weights(tmp_path / name / "x" / "last.ckpt") for name in "ab")
    assert tiny.same(a, b)
