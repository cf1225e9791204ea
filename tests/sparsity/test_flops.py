"""Operations, against torch's own counter, a count of single products, and RigL's formula."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lth_lightning.models import VGG, CIFARResNet, LeNet5, LeNet300100, MobileNetV2, ResNet
from lth_lightning.sparsity import Mask, Random, prunable, prune
from lth_lightning.sparsity.flops import forward_flops, layer_flops, training_flops

NETS: list[tuple[nn.Module, tuple[int, ...]]] = [
    (LeNet300100(), (1, 28, 28)),
    (LeNet5(), (1, 28, 28)),
    (VGG(11, width=0.25), (3, 32, 32)),
    (CIFARResNet(8), (3, 24, 32)),
    (ResNet(50, width=0.125, stem="imagenet"), (3, 64, 64)),
    (MobileNetV2(width=0.25), (3, 32, 32)),
    (
        nn.Sequential(nn.ConvTranspose2d(3, 6, 3, stride=2, groups=3), nn.ReLU(), nn.Conv2d(6, 1, 2, dilation=2)),
        (3, 5, 5),
    ),
    (nn.Sequential(nn.Conv1d(2, 4, 3, stride=2), nn.Linear(7, 5)), (2, 16)),
]


@pytest.mark.parametrize(("net", "shape"), NETS, ids=lambda value: type(value).__name__)
def test_a_dense_forward_pass_takes_what_torch_counts(net: nn.Module, shape: Sequence[int]) -> None:
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        net.eval()(torch.zeros(1, *shape))
    net.train()
    state, draws = {name: value.clone() for name, value in net.state_dict().items()}, torch.get_rng_state()
    layers = layer_flops(net, shape)
    assert list(layers) == list(prunable(net))
    assert sum(layers.values()) == counter.get_total_flops() > 0
    assert net.training
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in state.items())
    assert torch.equal(draws, torch.get_rng_state())
    assert not any(module._forward_hooks for module in net.modules())


def test_only_products_with_kept_weights_count() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(12, 2))
    mask = prune(Random(0)(net, Mask.dense(prunable(net))), 0.4)
    pixels, products = 2 * 2, 0  # of the convolution's output
    for name, kept in mask.items():
        products += sum(pixels if name == "0.weight" else 1 for _ in kept.nonzero())
    sizes, kept = ({name: counts[i] for name, counts in mask.layers().items()} for i in (1, 0))
    assert forward_flops(layer_flops(net, (2, 3, 3)), sizes, kept) == 2 * products


def test_a_layer_outside_the_mask_is_dense_and_a_shared_one_counts_at_each_use() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    net[2].weight = net[0].weight
    assert layer_flops(net, (4,)) == {"0.weight": 64, "1.weight": 32}
    assert forward_flops({"a": 64, "b": 32}, {"a": 16}, {"a": 4}) == 16 + 32


@given(
    delta=st.integers(1, 200),
    rounds=st.integers(1, 20),
    kept=st.lists(st.integers(0, 10), min_size=2, max_size=2),
    start=st.integers(0, 50),
)
def test_with_a_dense_gradient_after_every_so_many_steps_it_is_the_formula_of_rigl(
    delta: int, rounds: int, kept: list[int], start: int
) -> None:
    layers, sizes, own = {"a": 200, "b": 70}, {"a": 10, "b": 10}, dict(zip("ab", kept, strict=True))
    f_d, f_s = 270, 20 * kept[0] + 7 * kept[1]
    end = start + rounds * (delta + 1)
    history = [(start + number * (delta + 1), own) for number in range(rounds)]
    per_step = (3 * f_s * delta + 2 * f_s + f_d) / (delta + 1)
    found = training_flops(layers, sizes, history, end, dense_gradients=rounds)
    assert found == pytest.approx(per_step * rounds * (delta + 1))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 10)), min_size=1, max_size=6))
def test_every_step_takes_three_forward_passes_of_its_own_mask(parts: list[tuple[int, int]]) -> None:
    history, step, expected = [], 4, 0
    for length, kept in parts:
        history.append((step, {"a": kept}))
        expected += sum(3 * (5 * kept + 11) for _ in range(length))
        step += length
    assert training_flops({"a": 50, "b": 11}, {"a": 10}, history, step) == expected
