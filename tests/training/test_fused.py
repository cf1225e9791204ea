"""Optimizers that update all weights by one call."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim
from torch.optim import Optimizer

from lth_lightning.training.fused import fuse

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
