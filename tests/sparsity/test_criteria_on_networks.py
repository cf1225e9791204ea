"""Every criterion that differentiates, and the diagnosis, on every network that we ship."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

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
from lth_lightning.sparsity import (
    SNIP,
    Criterion,
    Global,
    GraSP,
    Mask,
    SynFlow,
    count,
    diagnose,
    prunable,
    prune_in_steps,
)

Build = Callable[..., nn.Module]
# images are as small as leaves pixels in the last layer for every weight of a 3x3 (v3: 5x5) kernel to meet
NETWORKS: dict[str, tuple[Build, tuple[int, int, int]]] = {
    "two layers": (partial(TwoLayer, inputs=64), (1, 8, 8)),
    "LeNet-300-100": (partial(LeNet300100, inputs=64), (1, 8, 8)),
    "LeNet-5": (partial(LeNet5, size=16), (1, 16, 16)),
    "Conv-2": (partial(Conv, 2, size=8), (3, 8, 8)),
    "Conv-6": (partial(Conv, 6, size=16), (3, 16, 16)),
    "VGG-11": (partial(VGG, 11), (3, 32, 32)),
    "VGG-19": (partial(VGG, 19), (3, 32, 32)),
    "ResNet-20": (CIFARResNet, (3, 16, 16)),
    "ResNet-32, parameter-free": (partial(CIFARResNet, 32, shortcut="parameter_free"), (3, 16, 16)),
    "ResNet-20 without skips": (partial(CIFARResNet, residual=False), (3, 16, 16)),
    "ResNet-18, CIFAR stem": (partial(ResNet, 18), (3, 16, 16)),
    "ResNet-34, ImageNet stem": (partial(ResNet, 34, stem="imagenet"), (3, 64, 64)),
    "ResNet-50, ImageNet stem": (partial(ResNet, 50, stem="imagenet"), (3, 64, 64)),
    "MobileNet v1": (MobileNetV1, (3, 64, 64)),
    "MobileNet v2": (MobileNetV2, (3, 16, 16)),
    "MobileNet v3": (MobileNetV3, (3, 24, 24)),
    "WRN-16-2": (partial(WideResNet, 16), (3, 16, 16)),
    "VGG-16 without batch norm": (partial(VGG, 16, batch_norm=False), (3, 32, 32)),
    "batch norm drawn": (partial(CIFARResNet, 8, bn_weight="uniform"), (3, 8, 8)),
    "batch norm without scale": (partial(CIFARResNet, 8, bn_weight="none"), (3, 8, 8)),
}
CRITERIA = [SNIP(), SNIP("eval"), GraSP(), GraSP(mode="eval"), SynFlow()]


def test_every_exported_network_is_in_the_table() -> None:
    classes = {build.func if isinstance(build, partial) else build for build, _ in NETWORKS.values()}
    assert {network.__name__ for network in classes} == set(models.__all__)


@pytest.mark.slow
@pytest.mark.parametrize(("build", "shape"), NETWORKS.values(), ids=NETWORKS)
def test_every_layer_gets_scores_and_every_weight_is_on_a_path(build: Build, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    net = build(width=0.3 if build is MobileNetV3 else 0.07)  # of a gate's two hidden units both may well be dead
    mask = Mask.dense(prunable(net))
    batches = [(torch.randn(4, *shape), torch.arange(4))]
    for criterion in CRITERIA:
        for name, score in criterion(net, mask, batches).items():
            assert score.isfinite().all(), (criterion, name)
            assert score.any(), (criterion, name)
    assert diagnose(net, mask, shape).effective_density == 1


@pytest.mark.slow
@pytest.mark.parametrize("criterion", [SNIP(), GraSP(), SynFlow()], ids=lambda criterion: type(criterion).__name__)
@pytest.mark.parametrize("name", ["ResNet-20", "MobileNet v2"])
def test_in_steps_it_ends_at_the_exact_count(criterion: Criterion, name: str) -> None:
    torch.manual_seed(0)
    build, shape = NETWORKS[name]
    net = build(width=0.1)
    dense = Mask.dense(prunable(net))
    batches = [(torch.randn(6, *shape), torch.arange(6))]
    mask = prune_in_steps(net, 0.05, criterion, Global(), batches, dense, steps=3)
    assert mask.kept == count(0.05, dense.size)
