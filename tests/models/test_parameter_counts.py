"""Counts that the papers, or their official code, state."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torchvision
from torch import nn

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

Build = Callable[[], nn.Module]
RESNET32X2 = partial(CIFARResNet, 32, width=2)


def on_meta(build: Build) -> nn.Module:
    with torch.device("meta"):
        return build()


def count(net: nn.Module) -> int:
    return sum(value.numel() for value in net.parameters())


def weights(build: Build, *kinds: type[nn.Conv2d] | type[nn.Linear]) -> dict[str, int]:
    named = on_meta(build).named_modules()
    return {name: layer.weight.numel() for name, layer in named if isinstance(layer, kinds)}


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (LeNet300100, 266_610),
        (CIFARResNet, 272_474),
        (RESNET32X2, 1_860_522),
        (VGG, 14_728_266),
        (LeNet5, 44_190 + 236),
        (partial(LeNet5, hidden=(3, 3, 27, 20)), 2_399),
    ],
)
def test_parameters_are_as_many_as_the_official_code_has(build: Build, parameters: int) -> None:
    assert count(on_meta(build)) == parameters


@pytest.mark.parametrize(
    ("build", "millions"),
    [
        (CIFARResNet, 0.27),
        (RESNET32X2, 1.86),
        (MobileNetV1, 3.21),
        (partial(ResNet, 18, num_classes=100), 11.22),
        (partial(VGG, conv_bias=False), 14.72),
        (partial(ResNet, 18, num_classes=1000), 11.68),
        (partial(ResNet, 18, num_classes=1000, stem="imagenet"), 11.69),
        (partial(ResNet, 50, num_classes=1000, stem="imagenet"), 25.56),
    ],
)
def test_parameters_agree_with_table_2_of_ma_2021(build: Build, millions: float) -> None:
    # The table rounds some numbers (ResNet-50) and cuts others off (MobileNet).
    assert abs(count(on_meta(build)) / 1e6 - millions) < 0.01


def test_conv_4_has_the_2_4_million_parameters_of_maene_2021() -> None:
    assert round(count(on_meta(partial(Conv, 4))) / 1e6, 1) == 2.4


def test_resnet_20_has_the_prunable_weights_of_frankle_2020() -> None:
    net = on_meta(CIFARResNet)
    statistics = sum(value.numel() for value in net.buffers() if value.dim())
    assert sum(weights(CIFARResNet, nn.Conv2d, nn.Linear).values()) == 270_896
    assert count(net) + statistics == 274_042


def test_vgg_16_has_the_convolution_weights_of_frankle_2020() -> None:
    assert sum(weights(VGG, nn.Conv2d).values()) == 14_710_464


def test_vgg_convolutions_have_a_bias_per_channel_or_none() -> None:
    channels = 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512
    assert count(on_meta(VGG)) - count(on_meta(partial(VGG, conv_bias=False))) == channels


def test_resnets_have_the_listed_layers_of_ma_2021() -> None:
    resnet20, resnet32 = weights(CIFARResNet, nn.Conv2d), weights(RESNET32X2, nn.Conv2d)
    assert sum(size for name, size in resnet20.items() if ".conv1" in name or ".conv2" in name) == 267_264
    assert sum(size for name, size in resnet20.items() if "shortcut" in name) == 2_560
    assert sum(size for name, size in resnet32.items() if ".conv1" in name or ".conv2" in name) == 1_843_200


@pytest.mark.parametrize(
    ("build", "layers", "convolutions"), [(partial(VGG, 19), 17, 20_018_880), (RESNET32X2, 34, 1_854_304)]
)
def test_networks_have_the_layers_and_sizes_of_su_2020(build: Build, layers: int, convolutions: int) -> None:
    assert len(weights(build, nn.Conv2d, nn.Linear)) == layers
    assert sum(weights(build, nn.Conv2d).values()) == convolutions


def test_resnet_32_has_the_linear_weights_of_su_2020() -> None:
    assert sum(weights(RESNET32X2, nn.Linear).values()) == 1_280
    assert sum(weights(partial(RESNET32X2, num_classes=100), nn.Linear).values()) == 12_800


def test_resnet_layers_are_listed_with_a_projection_behind_its_block() -> None:
    layers = list(weights(CIFARResNet, nn.Conv2d, nn.Linear))
    assert layers[layers.index("stages.1.0.conv2") + 1] == "stages.1.0.shortcut.conv"
    assert (layers[0], layers[-1]) == ("stem.conv", "head")


def test_lenet_5_has_the_weights_and_biases_of_evci_2022() -> None:
    assert sum(weights(LeNet5, nn.Conv2d, nn.Linear).values()) == 44_190


@pytest.mark.parametrize(("depth", "widen", "millions"), [(16, 4, 2.7), (22, 8, 17.2), (28, 10, 36.5), (40, 4, 8.9)])
def test_wide_resnets_have_the_millions_of_parameters_of_zagoruyko_2016(
    depth: int, widen: int, millions: float
) -> None:
    assert abs(count(on_meta(partial(WideResNet, depth, widen))) / 1e6 - millions) < 0.06


@pytest.mark.parametrize("num_classes", [10, 1000])
def test_vgg_16_without_batch_norm_is_torchvisions_but_for_the_linear_layers(num_classes: int) -> None:
    net = on_meta(partial(VGG, 16, batch_norm=False, pools=5, num_classes=num_classes))
    theirs = on_meta(torchvision.models.vgg16)
    assert count(net.stages) == count(theirs.features)
    assert count(net) - count(net.stages) == 513 * num_classes
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules())


@pytest.mark.parametrize("depth", [8, 20, 110])
def test_parameter_free_shortcuts_save_exactly_the_projections(depth: int) -> None:
    projections = 16 * 32 + 32 * 64 + 2 * (32 + 64)
    free = on_meta(partial(CIFARResNet, depth, shortcut="parameter_free"))
    plain = on_meta(partial(CIFARResNet, depth, residual=False))
    assert count(on_meta(partial(CIFARResNet, depth))) - count(free) == projections
    assert count(plain) == count(free)


@pytest.mark.parametrize(
    ("build", "reference"),
    [
        (partial(ResNet, 18, stem="imagenet"), torchvision.models.resnet18),
        (partial(ResNet, 34, stem="imagenet"), torchvision.models.resnet34),
        (partial(ResNet, 50, stem="imagenet"), torchvision.models.resnet50),
        (partial(MobileNetV2, stem="imagenet"), torchvision.models.mobilenet_v2),
        (partial(MobileNetV3, "large", stem="imagenet"), torchvision.models.mobilenet_v3_large),
        (partial(MobileNetV3, "small"), torchvision.models.mobilenet_v3_small),
    ],
)
@pytest.mark.parametrize("num_classes", [10, 1000])
def test_parameters_are_as_many_as_torchvision_has(
    build: Callable[..., nn.Module], reference: Callable[..., nn.Module], num_classes: int
) -> None:
    assert count(on_meta(partial(build, num_classes=num_classes))) == count(
        on_meta(partial(reference, num_classes=num_classes))
    )
