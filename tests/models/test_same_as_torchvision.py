"""Where torchvision has the network, ours computes the same from the same weights."""

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from lth_lightning.models import VGG, MobileNetV2, MobileNetV3, ResNet
from lth_lightning.models.residual import BasicBlock


def randomise_batch_norms(net: nn.Module) -> None:
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.1)
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)


def copy_in_order(source: nn.Module, target: nn.Module) -> None:
    theirs, ours = source.state_dict(), target.state_dict()
    target.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))


@torch.no_grad()
def assert_same_outputs(ours: nn.Module, theirs: nn.Module, x: torch.Tensor) -> None:
    randomise_batch_norms(theirs)
    copy_in_order(theirs, ours)
    for training in (False, True):
        expected, logits = theirs.train(training)(x), ours.train(training)(x)
        assert expected.std() > 0.01
        torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
    for (name, value), reference in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(value, reference, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [18, 50])
def test_resnets_compute_what_torchvision_computes(depth: int) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, f"resnet{depth}")(num_classes=10)
    assert_same_outputs(ResNet(depth, stem="imagenet", init="pytorch"), theirs, torch.randn(4, 3, 64, 64))


def test_mobilenet_v2_computes_what_torchvision_computes() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.mobilenet_v2(num_classes=10, dropout=0.0)
    # A larger head, so that differences show.
    nn.init.normal_(theirs.classifier[1].weight)
    assert_same_outputs(MobileNetV2(stem="imagenet", init="pytorch"), theirs, torch.randn(4, 3, 96, 96))


@pytest.mark.parametrize("variant", ["large", "small"])
def test_mobilenet_v3_computes_what_torchvision_computes(variant: str) -> None:
    torch.manual_seed(0)
    build = getattr(torchvision.models, f"mobilenet_v3_{variant}")
    theirs = build(num_classes=10, dropout=0.0, norm_layer=nn.BatchNorm2d)  # not its own epsilon and momentum
    for layer in theirs.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.normal_(layer.weight)  # gates that are neither all alike nor all open
    nn.init.normal_(theirs.classifier[3].weight)  # a larger head, so that differences show
    assert_same_outputs(MobileNetV3(variant, stem="imagenet", init="pytorch"), theirs, torch.randn(4, 3, 96, 96))


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "plan"), [(11, "A"), (16, "D"), (19, "E")])
def test_vgg_extracts_the_features_that_torchvision_extracts(depth: int, plan: str) -> None:
    torch.manual_seed(0)
    theirs = make_layers(cfgs[plan], batch_norm=True)
    net = VGG(depth, init="pytorch")
    ours = nn.Sequential(net.stages, nn.MaxPool2d(2))
    assert_same_outputs(ours, theirs, torch.randn(4, 3, 32, 32))


def test_a_projection_block_computes_what_torchvision_computes() -> None:
    torch.manual_seed(0)
    projection = nn.Sequential(nn.Conv2d(4, 6, 1, stride=2, bias=False), nn.BatchNorm2d(6))
    theirs = torchvision.models.resnet.BasicBlock(4, 6, stride=2, downsample=projection)
    assert_same_outputs(BasicBlock(4, 6, stride=2), theirs, torch.randn(4, 4, 9, 9))
