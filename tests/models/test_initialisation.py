"""The first weights, against counted connections and against torch's own initialisers."""

from functools import partial
from math import sqrt

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

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
)
from lth_lightning.models.initialisation import initialise


def fans(layer: nn.Conv2d | nn.Linear) -> tuple[float, float]:
    """Count a unit's incoming and outgoing connections by sending ones through the layer, away from the border."""
    ones = torch.ones_like(layer.weight)
    if isinstance(layer, nn.Linear):
        x = torch.ones(1, layer.in_features, requires_grad=True)
        out = F.linear(x, ones)
        middle: tuple[int, ...] = ()
    else:
        size = 2 * layer.kernel_size[0] + 1
        x = torch.ones(1, layer.in_channels, size, size, requires_grad=True)
        out = F.conv2d(x, ones, padding=layer.kernel_size[0] // 2, groups=layer.groups)
        middle = (size // 2, size // 2)
    out.sum().backward()
    assert x.grad is not None
    return out[0, 0][middle].item(), x.grad[0, 0][middle].item()


def batch_norms(net: nn.Module) -> list[nn.BatchNorm2d]:
    return [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]


@pytest.mark.parametrize("mode", ["kaiming_fan_in", "kaiming_fan_out"])
@pytest.mark.parametrize(
    "build",
    [
        LeNet300100,
        partial(Conv, 2, width=0.25),
        partial(VGG, 11, width=0.25),
        partial(CIFARResNet, 8),
        MobileNetV1,
        MobileNetV2,
        MobileNetV3,
    ],
)
def test_kaiming_variance_is_two_over_the_connections_of_a_unit(build: type[nn.Module], mode: str) -> None:
    torch.manual_seed(0)
    depthwise = 0
    for name, layer in build(init=mode).named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            weight, fan = layer.weight.double(), fans(layer)[mode == "kaiming_fan_out"]
            # Six standard errors of a normal sample's second moment, and of its mean.
            assert abs(weight.square().mean() * fan / 2 - 1) < 6 * sqrt(2 / weight.numel()), name
            assert abs(weight.mean()) < 6 * sqrt(2 / fan / weight.numel()), name
            assert layer.bias is None or not layer.bias.any(), name
            depthwise += getattr(layer, "groups", 1) > 1
    assert depthwise == {MobileNetV1: 13, MobileNetV2: 17, MobileNetV3: 15}.get(build, 0)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("layer", [nn.Conv2d(5, 8, 3), nn.Linear(7, 4)], ids=["conv", "linear"])
def test_kaiming_draws_what_torch_draws_where_there_are_no_groups(layer: nn.Conv2d | nn.Linear, mode: str) -> None:
    torch.manual_seed(3)
    expected = nn.init.kaiming_normal_(torch.empty_like(layer.weight), mode=mode, nonlinearity="relu")
    torch.manual_seed(3)
    initialise(layer, f"kaiming_{mode}")
    torch.testing.assert_close(layer.weight.detach(), expected)


@pytest.mark.parametrize("layer", [nn.Conv2d(5, 8, 3), nn.Linear(7, 4)], ids=["conv", "linear"])
def test_glorot_draws_what_torch_draws_where_there_are_no_groups(layer: nn.Conv2d | nn.Linear) -> None:
    torch.manual_seed(3)
    expected = nn.init.xavier_uniform_(torch.empty_like(layer.weight))
    torch.manual_seed(3)
    initialise(layer, "glorot_uniform")
    torch.testing.assert_close(layer.weight.detach(), expected)


@pytest.mark.parametrize("build", [LeNet5, MobileNetV2])
def test_glorot_is_uniform_with_variance_two_over_incoming_and_outgoing_connections(build: type[nn.Module]) -> None:
    torch.manual_seed(0)
    for name, layer in build(init="glorot_uniform").named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            weight, end = layer.weight.double(), sqrt(6 / sum(fans(layer)))
            assert weight.abs().max() <= end * (1 + 1e-6), name
            # Six standard errors of a uniform sample's second moment: its fourth is end^4 / 5.
            variance = end**2 / 3
            assert abs(weight.square().mean() / variance - 1) < 6 * sqrt(0.8 / weight.numel()), name
            assert layer.bias is None or not layer.bias.any(), name


def test_a_zero_residual_starts_every_block_as_its_skip_connection() -> None:
    for depth in (18, 50):
        torch.manual_seed(0)
        zero = ResNet(depth, width=0.0625, zero_residual=True)
        torch.manual_seed(0)
        plain = ResNet(depth, width=0.0625)
        other = [name for name, value in zero.state_dict().items() if not torch.equal(value, plain.state_dict()[name])]
        assert other == [f"stages.{i}.{j}.bn{2 if depth == 18 else 3}.weight" for i, j in blocks(zero)]
        assert not any(zero.state_dict()[name].any() for name in other)
    with torch.device("meta"):
        theirs = torchvision.models.resnet50(zero_init_residual=True)
    assert len(other) == sum(isinstance(layer, torchvision.models.resnet.Bottleneck) for layer in theirs.modules())


def blocks(net: ResNet) -> list[tuple[int, int]]:
    return [(i, j) for i, stage in enumerate(net.stages) for j, _ in enumerate(stage)]  # type: ignore[arg-type]


def test_pytorch_keeps_what_the_layers_drew() -> None:
    torch.manual_seed(3)
    layers = [nn.Linear(784, 300), nn.Linear(300, 100), nn.Linear(100, 10)]
    torch.manual_seed(3)
    net = LeNet300100(init="pytorch")
    for layer, reference in zip((net.hidden1, net.hidden2, net.head), layers, strict=True):
        assert torch.equal(layer.weight, reference.weight)
        assert torch.equal(layer.bias, reference.bias)


def test_batch_norm_starts_as_the_identity_by_default() -> None:
    for layer in batch_norms(CIFARResNet(8)):
        assert (layer.weight == 1).all()
        assert (layer.bias == 0).all()


@pytest.mark.parametrize("init", ["kaiming_fan_in", "pytorch"])
def test_a_uniform_batch_norm_scale_is_uniform_on_the_unit_interval(init: str) -> None:
    scales = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        layers = batch_norms(VGG(11, width=0.25, init=init, bn_weight="uniform"))
        assert all((layer.bias == 0).all() for layer in layers)
        scales.append(torch.cat([layer.weight.detach() for layer in layers]).sort().values)
    assert not torch.equal(*scales)
    for scale in scales:
        assert scale.min() >= 0
        assert scale.max() <= 1
        # The Kolmogorov-Smirnov distance to U[0, 1] exceeds 2 / sqrt(n) with probability 2 exp(-8) = 0.0007.
        ideal = torch.arange(1, len(scale) + 1) / len(scale)
        assert (scale - ideal).abs().max() < 2 / sqrt(len(scale))


def test_batch_norm_without_parameters_normalises_and_no_more() -> None:
    torch.manual_seed(0)
    full, bare = CIFARResNet(8), CIFARResNet(8, bn_weight="none")
    missing = set(dict(full.named_parameters())) - set(dict(bare.named_parameters()))
    assert missing == {name for name, _ in full.named_parameters() if "bn" in name}
    bare.load_state_dict({name: value for name, value in full.state_dict().items() if name not in missing})
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(bare(x), full(x))
