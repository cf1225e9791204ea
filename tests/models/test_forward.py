"""Networks that torchvision lacks, written down a second time, in functions."""

from functools import partial

import pytest
import torch
import torchvision
from torch import Tensor, nn
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
    WideResNet,
)
from lth_lightning.models.mobilenet_v2 import InvertedResidual
from lth_lightning.models.mobilenet_v3 import GatedResidual


def linear(net: nn.Module, name: str, x: Tensor) -> Tensor:
    return x @ net.get_parameter(f"{name}.weight").T + net.get_parameter(f"{name}.bias")


def conv(net: nn.Module, name: str, x: Tensor, padding: int) -> Tensor:
    return F.conv2d(x, net.get_parameter(f"{name}.weight"), net.get_parameter(f"{name}.bias"), padding=padding)


def normalised(net: nn.Module, name: str, x: Tensor, stride: int) -> Tensor:
    weight = net.get_parameter(f"{name}.conv.weight")
    groups = x.shape[1] // weight.shape[1]
    x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
    return (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_lenet_300_100_is_three_linear_maps_with_relu() -> None:
    net, x = LeNet300100(init="pytorch"), torch.randn(3, 1, 28, 28)
    hidden = linear(net, "hidden2", linear(net, "hidden1", x.reshape(3, 784)).relu()).relu()
    torch.testing.assert_close(net(x), linear(net, "head", hidden))


@pytest.mark.parametrize("padding", [0, 2])
def test_lenet_5_convolves_and_pools_twice_before_three_linear_maps(padding: int) -> None:
    net, x = LeNet5(padding=padding, init="pytorch"), torch.randn(3, 1, 28, 28)
    features = x
    for name in ("conv1", "conv2"):
        features = F.max_pool2d(conv(net, name, features, padding).relu(), 2)
    hidden = linear(net, "hidden2", linear(net, "hidden1", features.reshape(3, -1)).relu()).relu()
    torch.testing.assert_close(net(x), linear(net, "head", hidden))


@pytest.mark.parametrize("depth", [2, 4, 6])
def test_conv_pools_after_every_second_convolution(depth: int) -> None:
    net, x = Conv(depth, width=0.25, init="pytorch"), torch.randn(3, 3, 32, 32)
    features = x
    for stage in range(depth // 2):
        for name in ("conv1", "conv2"):
            features = conv(net, f"stages.{stage}.{name}", features, padding=1).relu()
        features = F.max_pool2d(features, 2)
    hidden = linear(net, "hidden2", linear(net, "hidden1", features.reshape(3, -1)).relu()).relu()
    torch.testing.assert_close(net(x), linear(net, "head", hidden))


@pytest.mark.parametrize(("stem", "stride"), [("cifar", 1), ("imagenet", 2)])
def test_mobilenet_v1_alternates_depthwise_and_pointwise_convolutions(stem: str, stride: int) -> None:
    net, x = MobileNetV1(stem=stem, width=0.25).double(), torch.randn(4, 3, 64, 64).double()
    features = normalised(net, "stem", x, stride).relu()
    for i in range(13):
        features = normalised(net, f"blocks.{i}.depthwise", features, 2 if i in (1, 3, 5, 11) else 1).relu()
        features = normalised(net, f"blocks.{i}.pointwise", features, 1).relu()
    torch.testing.assert_close(net(x), linear(net, "head", features.mean((2, 3))))


def test_wide_resnet_normalises_and_activates_before_each_convolution() -> None:
    net, x = WideResNet(10, widen=2, dropout=0.4).double(), torch.randn(4, 3, 16, 16).double()

    def active(x: Tensor) -> Tensor:
        return (
            (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
        ).relu()

    def weight(name: str) -> Tensor:
        return net.get_parameter(f"{name}.weight")

    torch.manual_seed(1)
    out = F.conv2d(x, weight("stem"), padding=1)
    for stage, stride in ((0, 1), (1, 2), (2, 2)):
        name, before = f"stages.{stage}.0", active(out)
        inner = F.dropout(active(F.conv2d(before, weight(f"{name}.conv1"), stride=stride, padding=1)), 0.4)
        out = F.conv2d(inner, weight(f"{name}.conv2"), padding=1)
        out = out + F.conv2d(before, weight(f"{name}.shortcut"), stride=stride)
    expected = linear(net, "head", active(out).mean((2, 3)))
    torch.manual_seed(1)
    torch.testing.assert_close(net(x), expected)


def test_a_wide_resnets_other_blocks_add_their_input() -> None:
    net, x = WideResNet(16, widen=1).eval(), torch.randn(2, 16, 6, 6)
    block = net.stages[0][1]
    nn.init.zeros_(block.conv2.weight)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(
    ("build", "size", "left"),
    [
        (partial(CIFARResNet, 8), 32, 8),
        (partial(CIFARResNet, 8, shortcut="parameter_free"), 33, 9),
        (partial(ResNet, 18), 32, 4),
        (partial(ResNet, 50), 64, 8),
        (partial(ResNet, 50, stem="imagenet"), 64, 2),
        (partial(WideResNet, 10), 32, 8),
        (partial(VGG, 16, batch_norm=False, pools=5), 64, 2),
        (partial(VGG, 16), 64, 4),
        (MobileNetV1, 32, 2),
        (partial(MobileNetV1, stem="imagenet"), 64, 2),
        (MobileNetV2, 32, 4),
        (partial(MobileNetV2, stem="imagenet"), 64, 2),
        (MobileNetV3, 32, 4),
        (partial(MobileNetV3, stem="imagenet"), 64, 2),
        (partial(MobileNetV3, "small"), 32, 4),
        (partial(MobileNetV3, "small", stem="imagenet"), 64, 2),
    ],
)
def test_the_stem_decides_how_many_pixels_are_left(build: partial[nn.Module], size: int, left: int) -> None:
    net, seen = build(width=0.0625), []
    net.get_submodule("pool").register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[2:]))
    net(torch.randn(2, 3, size, size))
    assert seen == [(left, left)]


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("width", [0.01, 1.0])
def test_mobilenet_v2_has_ten_skips_at_every_width_and_stem(stem: str, width: float) -> None:
    with torch.device("meta"):
        net = MobileNetV2(stem=stem, width=width)
    assert sum(block.residual for block in net.modules() if isinstance(block, InvertedResidual)) == 10


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("width", [0.01, 1.0])
@pytest.mark.parametrize("variant", ["large", "small"])
def test_mobilenet_v3_has_torchvisions_skips_and_gates_at_every_width_and_stem(
    variant: str, width: float, stem: str
) -> None:
    with torch.device("meta"):
        net = MobileNetV3(variant, stem=stem, width=width)
        theirs = getattr(torchvision.models, f"mobilenet_v3_{variant}")()
    blocks = [block for block in net.modules() if isinstance(block, GatedResidual)]
    reference = [
        block for block in theirs.modules() if isinstance(block, torchvision.models.mobilenetv3.InvertedResidual)
    ]
    gates = torchvision.ops.SqueezeExcitation
    assert [block.residual for block in blocks] == [block.use_res_connect for block in reference]
    assert [any(name == "gate.gates.fc1" for name, _ in block.named_modules()) for block in blocks] == [
        any(isinstance(layer, gates) for layer in block.modules()) for block in reference
    ]
