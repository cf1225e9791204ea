"""Every allocation on every network that we ship: the counts are exact, or the refusal says what is possible."""

import math
from collections.abc import Callable
from functools import cache, partial

import pytest
import torch
from every_allocation import EVERY, budgets_or_refusal
from torch import Tensor, nn

from lth_lightning import models
from lth_lightning.models import (
    VGG,
    CIFARResNet,
    Conv,
    LeNet5,
    LeNet300100,
    MobileNetV1,
    MobileNetV2,
    MobileNetV3,
    ResNet,
    TwoLayer,
    WideResNet,
)
from lth_lightning.sparsity import Global, Mask, generator, prunable, prune

DENSITIES = (1e-3, 1e-2, 0.1, 0.5, 1.0)
ABLATIONS = {f"SmartRatio, {shape}" for shape in ("linear", "cubic", "ascending", "balanced")}
Build = Callable[..., nn.Module]
NETWORKS: dict[str, tuple[Build, float]] = {  # with the width at which every test runs
    "two layers": (TwoLayer, 0.25),
    "LeNet-300-100": (LeNet300100, 0.25),
    "LeNet-5": (LeNet5, 0.75),
    "Conv-6": (partial(Conv, 6), 0.125),
    "VGG-19": (partial(VGG, 19), 0.0625),
    "ResNet-20": (CIFARResNet, 0.25),
    "ResNet-32, parameter-free": (partial(CIFARResNet, 32, shortcut="parameter_free"), 0.25),
    "ResNet-18": (partial(ResNet, 18), 0.0625),
    "ResNet-50, ImageNet stem": (partial(ResNet, 50, stem="imagenet", num_classes=1000), 0.0625),
    "MobileNet v1": (MobileNetV1, 0.125),
    "MobileNet v2": (MobileNetV2, 0.125),
    "MobileNet v3": (MobileNetV3, 0.125),
    "WRN-16-2": (partial(WideResNet, 16), 0.25),
}


def test_every_network_is_in_the_table() -> None:
    builds = {build.func if isinstance(build, partial) else build for build, _ in NETWORKS.values()}
    assert {build.__name__ for build in builds} == set(models.__all__)


@cache
def scored(build: Build, width: float) -> tuple[dict[str, Tensor], Mask, Mask]:
    """Random scores, the dense mask and one of density 0.3."""
    with torch.device("meta"):
        weights = prunable(build(width=width))
    draws = generator("test", 3)
    scores = {name: torch.rand(weight.shape, generator=draws) for name, weight in weights.items()}
    return scores, Mask.dense(scores), prune(scores, 0.3, Global())


def assert_exact(row: str, build: Build, width: float) -> None:
    scores, dense, pruned = scored(build, width)
    allocation = EVERY[row](pruned)
    least, most = allocation.reach(dense)
    for density in DENSITIES:
        total = math.floor(density * dense.size + 0.5)
        budgets = budgets_or_refusal(allocation, scores, density, dense)
        assert (budgets is not None) == (least <= total <= most)
        if budgets is not None:
            assert sum(budgets.values()) == total
            assert all(0 <= budgets[name] <= kept.numel() for name, kept in dense.items())
        if budgets is not None and (width < 1 or row == "Global"):
            mask = prune(scores, density, allocation)
            assert {name: kept for name, (kept, _) in mask.layers().items()} == budgets


every_row = pytest.mark.parametrize("row", [row for row in EVERY if row not in ABLATIONS])


@pytest.mark.slow
@every_row
@pytest.mark.parametrize(("build", "width"), NETWORKS.values(), ids=NETWORKS)
def test_masks_have_the_exact_counts_on_a_narrow_network(build: Build, width: float, row: str) -> None:
    assert_exact(row, build, width)


@pytest.mark.slow
@every_row
@pytest.mark.parametrize("build", [build for build, _ in NETWORKS.values()], ids=NETWORKS)
def test_counts_are_exact_on_a_network_of_full_width(build: Build, row: str) -> None:
    assert_exact(row, build, 1.0)
