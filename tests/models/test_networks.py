"""The laws that every network obeys. A new network needs a row in the table."""

import copy
import pickle
from collections.abc import Callable
from functools import cache, partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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

Build = Callable[..., nn.Module]
MNIST, DIGITS, CIFAR, TINY = (1, 28, 28), (1, 8, 8), (3, 32, 32), (3, 64, 64)
NETWORKS: dict[str, tuple[Build, tuple[int, int, int]]] = {
    "LeNet-300-100": (LeNet300100, MNIST),
    "LeNet-300-100 on digits": (partial(LeNet300100, inputs=64), DIGITS),
    "two layers": (TwoLayer, MNIST),
    "two layers on digits": (partial(TwoLayer, inputs=64, hidden=100), DIGITS),
    "LeNet-5": (LeNet5, MNIST),
    "LeNet-5 on digits": (partial(LeNet5, size=8, padding=2), DIGITS),
    "Conv-2": (partial(Conv, 2), CIFAR),
    "Conv-4 on MNIST": (partial(Conv, 4, channels=1, size=28), MNIST),
    "Conv-6 on digits": (partial(Conv, 6, channels=1, size=8), DIGITS),
    "VGG-11": (partial(VGG, 11), CIFAR),
    "VGG-13 on 16x16": (partial(VGG, 13, channels=1), (1, 16, 16)),
    "VGG-16 on 64x64": (partial(VGG, 16), TINY),
    "VGG-19 without conv biases": (partial(VGG, 19, conv_bias=False), CIFAR),
    "VGG-16 without batch norm": (partial(VGG, 16, batch_norm=False, pools=5), CIFAR),
    "WRN-22-2": (WideResNet, CIFAR),
    "ResNet-8 on digits": (partial(CIFARResNet, 8, channels=1), DIGITS),
    "ResNet-14, parameter-free": (partial(CIFARResNet, 14, shortcut="parameter_free"), CIFAR),
    "ResNet-20": (CIFARResNet, CIFAR),
    "ResNet-20 without skips": (partial(CIFARResNet, residual=False), CIFAR),
    "ResNet-18, CIFAR stem": (partial(ResNet, 18), CIFAR),
    "ResNet-34, ImageNet stem": (partial(ResNet, 34, stem="imagenet"), TINY),
    "ResNet-50, CIFAR stem": (partial(ResNet, 50), CIFAR),
    "ResNet-50, ImageNet stem": (partial(ResNet, 50, stem="imagenet"), TINY),
    "MobileNet v1, CIFAR stem": (MobileNetV1, CIFAR),
    "MobileNet v1, ImageNet stem": (partial(MobileNetV1, stem="imagenet"), TINY),
    "MobileNet v2, CIFAR stem": (MobileNetV2, CIFAR),
    "MobileNet v2, ImageNet stem": (partial(MobileNetV2, stem="imagenet"), TINY),
    "MobileNet v3 large, CIFAR stem": (MobileNetV3, CIFAR),
    "MobileNet v3 small, ImageNet stem": (partial(MobileNetV3, "small", stem="imagenet"), TINY),
}
every_network = pytest.mark.parametrize(("build", "shape"), NETWORKS.values(), ids=NETWORKS)


def make(build: Build, seed: int = 0, width: float = 0.125, **options: object) -> nn.Module:
    torch.manual_seed(seed)
    return build(width=width, **options)


@cache
def shapes(build: Build, width: float, num_classes: int = 10) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {name: value.shape for name, value in build(width=width, num_classes=num_classes).named_parameters()}


def count(build: Build, width: float, num_classes: int = 10) -> int:
    return sum(shape.numel() for shape in shapes(build, width, num_classes).values())


def test_every_exported_network_is_in_the_table() -> None:
    classes = {build.func if isinstance(build, partial) else build for build, _ in NETWORKS.values()}
    assert {network.__name__ for network in classes} == set(models.__all__)


@every_network
def test_the_output_has_one_logit_per_class(build: Build, shape: tuple[int, int, int]) -> None:
    net = make(build, num_classes=7)
    logits = net(torch.randn(3, *shape))
    assert logits.shape == (3, 7)
    assert logits.std() > 0


@every_network
def test_only_the_head_follows_the_number_of_classes(build: Build, shape: tuple[int, int, int]) -> None:
    ten, hundred = shapes(build, 1.0), shapes(build, 1.0, num_classes=100)
    assert [name for name in ten if ten[name] != hundred[name]] == ["head.weight", "head.bias"]
    features = ten["head.weight"][1]
    assert hundred["head.weight"] == (100, features)
    assert hundred["head.bias"] == (100,)


@pytest.mark.slow
@every_network
def test_one_training_step_reaches_every_parameter(build: Build, shape: tuple[int, int, int]) -> None:
    net = make(build, width=0.25)
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    nn.functional.cross_entropy(net(torch.randn(8, *shape)), torch.arange(8)).backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    for name, value in net.named_parameters():
        assert value.grad is not None, name
        assert value.grad.isfinite().all(), name
        assert not torch.equal(value, before[name]), name


@every_network
def test_the_seed_decides_the_weights(build: Build, shape: tuple[int, int, int]) -> None:
    one, same, other = (make(build, seed) for seed in (1, 1, 2))
    for name, value in one.named_parameters():
        assert torch.equal(value, same.get_parameter(name)), name
        assert (value.dim() == 1) == torch.equal(value, other.get_parameter(name)), name


@every_network
def test_a_forward_pass_draws_nothing_and_repeats(build: Build, shape: tuple[int, int, int]) -> None:
    net, x = make(build), torch.randn(2, *shape)
    state = torch.get_rng_state()
    assert torch.equal(net(x), net(x))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.slow
@every_network
def test_a_copy_and_a_pickle_compute_the_same_with_weights_of_their_own(
    build: Build, shape: tuple[int, int, int]
) -> None:
    net, x = make(build).eval(), torch.randn(2, *shape)
    expected, twins = net(x), [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    for value in net.parameters():
        value.data.zero_()
    assert all(torch.equal(twin(x), expected) for twin in twins)


@every_network
def test_a_tiny_width_keeps_every_layer(build: Build, shape: tuple[int, int, int]) -> None:
    narrow = shapes(build, 0.01)
    assert list(narrow) == list(shapes(build, 1.0))
    assert all(size >= 1 for dims in narrow.values() for size in dims)
    assert make(build, width=0.01)(torch.randn(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize(
    "name", ["LeNet-5", "Conv-6 on digits", "VGG-11", "ResNet-8 on digits", "MobileNet v2, CIFAR stem"]
)
@settings(max_examples=8, deadline=None)
@given(widths=st.tuples(st.floats(0.02, 1), st.floats(0.02, 1)))
def test_a_wider_network_never_has_fewer_parameters(name: str, widths: tuple[float, float]) -> None:
    build, _ = NETWORKS[name]
    assert count(build, min(widths)) <= count(build, max(widths))


@every_network
def test_twice_the_width_doubles_every_hidden_width(build: Build, shape: tuple[int, int, int]) -> None:
    once, twice = shapes(build, 1.0), shapes(build, 2.0)
    first = next(iter(once))
    for name, dims in once.items():
        outputs = 1 if name.startswith("head") else 2
        spans_inputs = len(dims) > 1 and name != first and "depthwise" not in name
        expected = (dims[0] * outputs, *((dims[1] * 2, *dims[2:]) if spans_inputs else dims[1:]))
        assert twice[name] == expected, name


@every_network
def test_a_width_that_is_not_positive_is_refused(build: Build, shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be positive, not 0"):
        build(width=0)


@pytest.mark.parametrize("build", [LeNet300100, CIFARResNet, VGG, MobileNetV1])
def test_an_unknown_initialisation_is_refused(build: Build) -> None:
    with pytest.raises(
        ValueError, match="init is one of kaiming_fan_in, kaiming_fan_out, glorot_uniform, pytorch, not 'xavier'"
    ):
        build(init="xavier", width=0.05)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (partial(CIFARResNet, 18), "depth 6n . 2, that is 8, 14, 20, 26, 32..., not 18"),
        (partial(CIFARResNet, 2), "depth 6n . 2, that is 8, 14, 20, 26, 32..., not 2"),
        (partial(CIFARResNet, shortcut="none"), "shortcut is one of projection, parameter_free, not 'none'"),
        (partial(VGG, 12), "depth is one of 11, 13, 16, 19, not 12"),
        (partial(VGG, pools=3), "pools is one of 4, 5, not 3"),
        (partial(VGG, batch_norm=False, conv_bias=False), "leave one of them true"),
        (partial(WideResNet, 20), "depth 6n . 4, that is 10, 16, 22, 28, 34..., not 20"),
        (partial(WideResNet, widen=0), "1 or more, not 0"),
        (partial(WideResNet, dropout=1.0), "from 0 to below 1, not 1.0"),
        (partial(ResNet, zero_residual=True, bn_weight="none"), "but bn_weight=none leaves it none"),
        (partial(Conv, 3), "depth is one of 2, 4, 6, not 3"),
        (partial(ResNet, 101), "depth is one of 18, 34, 50, not 101"),
        (partial(ResNet, stem="tiny"), "stem is one of cifar, imagenet, not 'tiny'"),
        (partial(MobileNetV1, stem="tiny"), "stem is one of cifar, imagenet, not 'tiny'"),
        (partial(MobileNetV2, stem="tiny"), "stem is one of cifar, imagenet, not 'tiny'"),
        (partial(MobileNetV3, stem="tiny"), "stem is one of cifar, imagenet, not 'tiny'"),
        (partial(MobileNetV3, "medium"), "variant is one of large, small, not 'medium'"),
        (partial(VGG, bn_weight="half"), "bn_weight is one of one, uniform, none, not 'half'"),
        (partial(LeNet5, size=8), "no pixels left of a 8x8 image with padding=0: use padding=2"),
        (partial(Conv, 6, size=7), "Conv-6 has no pixels left of a 7x7 image: use a smaller depth"),
    ],
)
def test_an_impossible_network_is_refused_in_a_sentence(build: Build, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build(width=0.05)
