"""What is measured of a layer's channels, against contributions that are computed one by one."""

from collections.abc import Sequence
from copy import deepcopy
from itertools import islice

import pytest
import torch
import torchvision
from networks import SMALL
from torch import nn

from lth_lightning.models import MobileNetV3
from lth_lightning.sparsity.neurons import Group, fold_, groups, imitate, measure, slimmed

torch.manual_seed(0)
NETWORKS = [
    *SMALL,
    (MobileNetV3("large", width=0.1), (3, 16, 16)),
    (torchvision.models.mobilenet_v3_small(width_mult=0.2, num_classes=10), (3, 32, 32)),
]


def with_statistics(net: nn.Module) -> None:
    """Batch norm and biases as after training."""
    torch.manual_seed(0)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
        elif isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.normal_(layer.bias)


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
    with_statistics(net)
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
    with_statistics(net)
    net = net.double()  # in float32 some forty layers of sums in another order differ by 1e-4
    images = torch.randn(5, *shape, dtype=torch.float64)
    batches = [(images, torch.zeros(5))]
    found, _ = groups(net, shape)
    kept = {}
    for group in found:  # input to output, each with the earlier ones pruned
        width = max(1, group.count // 2)
        *_, step = islice(imitate(measure(net, group, batches), width), 20)
        h = contributions(net, group, images)
        fold_(net, group, step.coefficients)
        made = contributions(net, group, images).mean(0)
        if not group.gates:  # others are multiplied by other gates now
            weighted = torch.einsum("i,izo->zo", step.coefficients, h)
            torch.testing.assert_close(made, weighted, rtol=1e-9, atol=1e-9)
        kept[group.producer] = step.kept
    small = slimmed(net, shape, kept)
    with torch.no_grad():
        torch.testing.assert_close(small(images), net(images), rtol=1e-9, atol=1e-9)
    size, whole = (sum(parameter.numel() for parameter in each.parameters()) for each in (small, net))
    assert size < whole
    for producer, channels in kept.items():
        assert len(small.get_submodule(producer).weight) == len(channels)


def test_a_channel_that_is_taken_out_makes_no_gates_and_the_others_keep_theirs() -> None:
    net = MobileNetV3("small", width=0.2).eval()
    with_statistics(net)
    block = net.blocks[3]
    group = next(each for each in groups(net, (3, 16, 16))[0] if each.producer == "blocks.3.expand.conv")
    assert group.gates == ("blocks.3.gate.gates.fc1",)
    assert group.filters == ("blocks.3.expand.conv", "blocks.3.depthwise.conv", "blocks.3.gate.gates.fc2")
    images = torch.randn(4, net.blocks[2].project.conv.out_channels, 6, 6)
    a = torch.rand(group.count, dtype=torch.float64)
    a[::2] = 0
    with torch.no_grad():
        x = block.depthwise(block.expand(images))
        x[:, ::2] = 0  # as if there were no such channels
        gated = x * block.gate.gates(x)
        scale = (group.count * a).float().view(1, -1, 1, 1)
        expected = block.project.bn(block.project.conv(gated * scale))
        fold_(net, group, a)
        torch.testing.assert_close(block(images), expected, rtol=1e-4, atol=1e-5)


class Gated(nn.Module):
    """Channels that another layer makes gates for, from themselves, from the image, or to add."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.first, self.second = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 4, 1)
        self.gate = nn.Conv2d(3 if how == "of the image" else 6, 6, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.first(images)
        gate = self.gate(images if self.how == "of the image" else x)
        x = x + gate if self.how == "added" else x * gate.sigmoid()
        return self.second(x).mean((2, 3))


def test_a_layer_may_read_channels_and_make_their_gates_itself() -> None:
    net = Gated("of themselves")
    (group,), left = groups(net, (3, 4, 4))
    assert group == Group("first", "second", 6, 1, None, ("first", "gate"), ("gate",))
    assert left["gate"] == "its channels are gates of those of first"
    fold_(net, group, torch.tensor([0, 0.2, 0.3, 0, 0, 0.5]))
    small, images = slimmed(net, (3, 4, 4), {"first": [1, 2, 5]}), torch.randn(3, 3, 4, 4)
    assert (small.gate.in_channels, small.gate.out_channels) == (3, 3)
    torch.testing.assert_close(small(images), net(images))


@pytest.mark.parametrize("how", ["of the image", "added"])
def test_what_is_tied_otherwise_is_left_alone(how: str) -> None:
    found, left = groups(Gated(how), (3, 4, 4))
    assert found == []
    assert set(left) == {"first", "second", "gate"}
