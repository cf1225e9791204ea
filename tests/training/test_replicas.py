"""Several networks as one compute what each does alone."""

from copy import deepcopy
from functools import partial

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from networks import SMALL
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lth_lightning.models import CIFARResNet, MobileNetV2
from lth_lightning.training.replicas import Replicas, alike, tensors

NETWORKS = [*SMALL, (torchvision.models.resnet18(num_classes=10), (3, 32, 32))]
R, B = 3, 4


def several(net: nn.Module) -> list[nn.Module]:
    """Networks of one shape, with values of their own, statistics of batch norm too."""
    nets = []
    for number in range(R):
        torch.manual_seed(number)
        own = deepcopy(net).double().train()
        for _, value in tensors(own):
            if value.is_floating_point():
                value.data.add_(torch.rand_like(value), alpha=0.1)
        nets.append(own)
    return nets


def batch(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    torch.manual_seed(9)
    return torch.randn(R, B, *shape, dtype=torch.float64), torch.randint(0, 10, (R, B))


def of(nets: list[nn.Module]) -> Replicas:
    """Replicas with the values of these networks."""
    replicas = Replicas(nets[0], len(nets)).train()
    for number, net in enumerate(nets):
        own = replicas.own(number)
        for name, value in tensors(net):
            own[name].copy_(value.detach())
    return replicas


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(("net", "shape"), NETWORKS, ids=lambda value: type(value).__name__)
def test_logits_losses_gradients_and_statistics_are_those_of_each_network(
    net: nn.Module, shape: tuple[int, ...], smoothing: float
) -> None:
    nets = several(net)
    replicas, (images, labels) = of(nets), batch(shape)
    outcome = replicas.step(images, labels, smoothing)
    for number, own in enumerate(nets):
        logits = own(images[number])
        loss = cross_entropy(logits, labels[number], label_smoothing=smoothing)
        loss.backward()
        torch.testing.assert_close(outcome.logits[number], logits.detach())
        torch.testing.assert_close(outcome.losses[number], loss.detach())
        for (name, parameter), gradient in zip(own.named_parameters(), outcome.gradients, strict=True):
            torch.testing.assert_close(gradient[number], parameter.grad, rtol=1e-7, atol=1e-9)
            assert gradient[number].stride() == replicas.own(number)[name].stride()
        for name, value in own.named_buffers():
            torch.testing.assert_close(replicas.own(number)[name], value)


@given(number=st.integers(0, R - 1), scale=st.sampled_from([0.0, 1e3, float("nan")]))
def test_what_is_made_of_a_batch_does_not_depend_on_the_others(number: int, scale: float) -> None:
    nets = several(CIFARResNet(8, width=0.3))
    images, labels = batch((3, 8, 8))
    one = of(nets).step(images, labels)
    others = [each for each in range(R) if each != number]
    images[others] *= scale
    other = of(nets).step(images, labels)
    assert torch.equal(one.logits[number], other.logits[number])
    for a, b in zip(one.gradients, other.gradients, strict=True):
        assert torch.equal(a[number], b[number])


def test_replicas_are_a_network_with_a_leading_axis() -> None:
    nets = several(CIFARResNet(8, width=0.3))
    replicas, (images, _) = of(nets).eval(), batch((3, 8, 8))
    logits = replicas(images)
    assert logits.shape == (R, B, 10)
    for number, net in enumerate(nets):
        torch.testing.assert_close(logits[number], net.eval()(images[number]))


def test_what_is_drawn_at_random_is_refused() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 10), nn.Dropout(0.5))
    with pytest.raises(RuntimeError, match="random"):
        Replicas(net, 2).train().step(torch.randn(2, 3, 1, 4, 4), torch.zeros(2, 3, dtype=torch.long))


def test_there_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="0 replicas: give 1 or more"):
        Replicas(nn.Linear(2, 2), 0)


@pytest.mark.parametrize(
    "other",
    [
        partial(CIFARResNet, 8, width=0.5),
        partial(CIFARResNet, 14, width=0.3),
        partial(MobileNetV2, width=0.1),
        lambda: CIFARResNet(8, width=0.3).double(),
    ],
)
def test_only_networks_of_one_function_are_alike(other: partial[nn.Module]) -> None:
    assert alike(CIFARResNet(8, width=0.3), CIFARResNet(8, width=0.3))
    assert not alike(CIFARResNet(8, width=0.3), other())


def test_a_plain_attribute_or_a_frozen_parameter_makes_a_difference() -> None:
    one, other = nn.Dropout(0.1), nn.Dropout(0.2)
    assert not alike(one, other)
    frozen = nn.Linear(2, 2)
    frozen.weight.requires_grad_(False)
    assert not alike(frozen, nn.Linear(2, 2))
