"""What is measured of a layer's channels, against contributions that are computed one by one."""

from collections.abc import Sequence
from copy import deepcopy
from itertools import islice

import pytest
import torch
from torch import nn

from lth_lightning.models import VGG, CIFARResNet, LeNet5, LeNet300100, MobileNetV2
from lth_lightning.sparsity.neurons import Group, fold_, groups, imitate, measure, slimmed

NETWORKS = [
    (LeNet300100(inputs=16, width=0.05), (1, 4, 4)),
    (LeNet5(size=16, width=0.5), (1, 16, 16)),
    (VGG(11, width=0.05), (3, 32, 32)),
    (CIFARResNet(8, width=0.3), (3, 8, 8)),
    (MobileNetV2(width=0.1), (3, 16, 16)),
]


def consumed(net: nn.Module, group: Group, images: torch.Tensor) -> torch.Tensor:
    """What comes into the consumer."""
    found: list[torch.Tensor] = []
    handle = net.get_submodule(group.consumer).register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    with torch.no_grad():
        net.eval()(images)
    handle.remove()
    return found[0]


def contributions(net: nn.Module, group: Group, images: torch.Tensor) -> torch.Tensor:
    """(N, images, outputs): N times what the consumer makes of each channel alone."""
    x, consumer = consumed(net, group, images), net.get_submodule(group.consumer)
    alone = []
    with torch.no_grad():
        nothing = consumer(torch.zeros_like(x))
        for i in range(group.count):
            one = torch.zeros_like(x)
            place = slice(i * group.inputs, (i + 1) * group.inputs)
            one[:, place] = x[:, place]
            alone.append(group.count * (consumer(one) - nothing).flatten(1))
    return torch.stack(alone).double()


@pytest.mark.parametrize(("net", "shape"), NETWORKS, ids=lambda value: type(value).__name__)
def test_the_gram_matrix_is_that_of_the_contributions(net: nn.Module, shape: Sequence[int]) -> None:
    torch.manual_seed(0)
    for layer in net.modules():  # as after training
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    images = torch.randn(6, *shape)
    batches = [(images[:4], torch.zeros(4)), (images[4:], torch.zeros(2))]
    found, _ = groups(net, shape)
    assert found
    for group in found:
        h = contributions(net, group, images)
        gram = measure(net, group, batches)
        expected = torch.einsum("izo,jzo->ij", h, h) / len(images)
        torch.testing.assert_close(gram.products, expected, rtol=1e-4, atol=1e-6 * float(expected.abs().max() + 1e-12))
        step = next(imitate(gram))
        apart = h[step.chosen] - h.mean(0)
        assert step.discrepancy == pytest.approx(float(apart.square().sum(1).mean()), rel=1e-3, abs=1e-9)


@pytest.mark.parametrize(("net", "shape"), NETWORKS, ids=lambda value: type(value).__name__)
def test_a_slimmed_network_is_smaller_and_the_same_function_as_the_folded_one(
    net: nn.Module, shape: Sequence[int]
) -> None:
    net = deepcopy(net).eval()
    images = torch.randn(5, *shape)
    batches = [(images, torch.zeros(5))]
    found, _ = groups(net, shape)
    kept = {}
    for group in found:  # input to output, each with the earlier ones pruned
        width = max(1, group.count // 2)
        *_, step = islice(imitate(measure(net, group, batches), width), 20)
        h = contributions(net, group, images)
        fold_(net, group, step.coefficients)
        made = contributions(net, group, images).mean(0)
        torch.testing.assert_close(made, torch.einsum("i,izo->zo", step.coefficients, h.double()), rtol=1e-3, atol=1e-5)
        kept[group.producer] = step.kept
    small = slimmed(net, shape, kept)
    with torch.no_grad():
        torch.testing.assert_close(small(images), net(images), rtol=1e-4, atol=1e-5)
    size, whole = (sum(parameter.numel() for parameter in each.parameters()) for each in (small, net))
    assert size < whole
    for producer, channels in kept.items():
        assert len(small.get_submodule(producer).weight) == len(channels)
