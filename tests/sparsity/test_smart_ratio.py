from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from lth_lightning.models import VGG, CIFARResNet
from lth_lightning.sparsity import Mask, SmartRatio, prunable


def dense(*shapes: Sequence[int]) -> Mask:
    return Mask.dense({f"layer{number}": torch.zeros(tuple(shape)) for number, shape in enumerate(shapes, start=1)})


def of(build: Callable[[], nn.Module]) -> Mask:
    """Every prunable weight of a network, which itself takes no memory."""
    with torch.device("meta"):
        weights = prunable(build())
    return Mask({name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in weights.items()})


def assert_keeps(allocation: SmartRatio, mask: Mask, percent: list[float], part: slice) -> None:
    """The table's digits, up to one weight by rounding."""
    budgets = allocation({}, 0.02, mask)
    layers = [(name, mask[name].numel()) for name in mask if mask[name].ndim == 4][part]
    for (name, size), printed in zip(layers, percent, strict=True):
        assert abs(100 * budgets[name] / size - printed) <= 0.005 + 100 / size, name


def test_vgg_19_at_density_two_percent_has_the_keep_ratios_of_the_paper() -> None:
    mask = of(lambda: VGG(19))
    percent = [100, 100, 83.84, 26.35, 14.61, 8.70, 5.41, 3.45, 2.23, 1.45, 0.93, 0.59, 0.36, 0.20, 0.11, 0.05]
    assert sum(kept.numel() for kept in mask.values() if kept.ndim == 4) == 20_018_880
    assert_keeps(SmartRatio(vgg=True), mask, percent, slice(None))
    assert_keeps(SmartRatio(vgg=True, layers=17), mask, percent, slice(None))
    assert SmartRatio(vgg=True)({}, 0.02, mask)["head.weight"] == 1536
    with pytest.raises(AssertionError):  # the reproduction's reading of L
        assert_keeps(SmartRatio(vgg=True, layers=19), mask, percent, slice(None))


def test_resnet_32_at_density_two_percent_has_the_keep_ratios_of_the_paper() -> None:
    mask = of(lambda: CIFARResNet(32, width=2))
    assert sum(kept.numel() for kept in mask.values() if kept.ndim == 4) == 1_854_304
    assert len(mask) == 34
    first, last = [15.84, 14.93, 14.05, 13.20, 12.38, 11.58, 10.81, 10.06], [1.20, 0.96, 0.75, 0.56, 0.40, 0.27, 0.16]
    assert_keeps(SmartRatio(), mask, first, slice(8))
    assert_keeps(SmartRatio(), mask, [*last, 0.08], slice(-8, None))
    assert SmartRatio()({}, 0.02, mask)["head.weight"] == 384


def test_a_projection_is_numbered_right_after_the_second_convolution_of_its_block() -> None:
    names = list(of(lambda: CIFARResNet(32, width=2)))
    for stage in (1, 2):
        place = names.index(f"stages.{stage}.0.conv2.weight")
        assert names[place + 1] == f"stages.{stage}.0.shortcut.conv.weight"
        assert names[place + 2] == f"stages.{stage}.1.conv1.weight"


@pytest.mark.parametrize(
    ("allocation", "budgets"),
    [  # L = 4, three convolutions of 100 weights, 10 of the 20 linear ones: w, and 180 in proportion to it
        (SmartRatio(linear=0.5), [95, 57, 28, 10]),  # 20, 12, 6: 94.7, 56.8, 28.4
        (SmartRatio(linear=0.5, shape="linear"), [80, 60, 40, 10]),  # 4, 3, 2
        (SmartRatio(linear=0.5, shape="cubic"), [100, 65, 15, 10]),  # 64, 27, 8: 116.4, 49.1, 14.5, 16.4 too many
        (
            SmartRatio(linear=0.5, shape="ascending"),
            [26, 54, 100, 10],
        ),  # 2, 6, 12: 18, 54, 108, so 8 to the first
        (SmartRatio(linear=0.5, shape="balanced"), [60, 60, 60, 10]),
        (SmartRatio(linear=0.5, shape="balanced", vgg=True), [60, 60, 60, 10]),
        (SmartRatio(linear=0.5, vgg=True), [100, 75, 5, 10]),  # 20, 3, 2/3: 152.1, 22.8, 5.1, 52.1 too many
        (SmartRatio(linear=0.5, shape="linear", layers=8), [69, 60, 51, 10]),  # 8, 7, 6: 68.6, 60, 51.4
        (SmartRatio(linear=0.0, shape="linear"), [85, 63, 42, 0]),  # 4, 3, 2 of 190: 84.4, 63.3, 42.2
    ],
    ids=str,
)
def test_each_shape_in_a_small_case_by_hand(allocation: SmartRatio, budgets: list[int]) -> None:
    mask = dense((10, 10, 1, 1), (5, 5, 2, 2), (4, 25, 1), (4, 5))
    assert list(allocation({}, 190 / 320, mask).values()) == budgets


def published(sizes: list[int], linear: int, total: int, vgg: bool) -> list[int]:
    """The kept weights of the convolutions by the paper's procedure, floors and cascade included."""
    depth = len(sizes) + 1
    weights = [Fraction((depth - number + 1) ** 2 + depth - number + 1) for number in range(1, depth)]
    if vgg:
        weights = [weight / number**2 for number, weight in enumerate(weights, start=1)]
    unit = (total - linear) / sum(weight * size for weight, size in zip(weights, sizes, strict=True))
    ratios, surplus = [unit * weight for weight in weights], 0
    for index, size in enumerate(sizes):
        if ratios[index] >= 1:
            surplus += int((ratios[index] - 1) * size)
            ratios[index] = Fraction(1)
        else:
            given = min(surplus, int((1 - ratios[index]) * size))
            ratios[index] = Fraction(1) if given < surplus else ratios[index] + Fraction(given, size)
            surplus -= given
        if surplus == 0:
            break
    return [int(ratio * size) for ratio, size in zip(ratios, sizes, strict=True)]


@settings(max_examples=100)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 40), st.booleans(), st.data())
def test_convolutions_keep_what_the_paper_gives_them_and_the_weights_that_its_floors_lose(
    widths: list[int], head: int, vgg: bool, data: st.DataObject
) -> None:
    mask = dense(*[(width, 3, 3, 3) for width in widths], (head + 1, 10))
    linear, sizes = 3 * (head + 1), [27 * width for width in widths]
    total = data.draw(st.integers(linear + 1, linear + sum(sizes)))
    assume(total / mask.size <= 1)
    *convolutions, last = SmartRatio(vgg=vgg)({}, total / mask.size, mask).values()
    assert last == linear
    assert sum(convolutions) == total - linear
    reference = published(sizes, linear, total, vgg)
    # each layer's floors lose less than two weights; what the cascade loses may end in one layer
    lost = len(sizes)
    assert all(0 <= ours - theirs + 1 <= lost + 2 for ours, theirs in zip(convolutions, reference, strict=True))


def test_what_a_pruned_layer_has_no_room_for_goes_to_the_next_and_from_the_last_to_the_first() -> None:
    pruned = {f"layer{number}": torch.zeros(10, 10, 1, dtype=torch.bool) for number in (1, 2, 3)}
    for name, kept in zip(pruned, (90, 20, 10), strict=True):
        pruned[name].view(-1)[:kept] = True
    balanced = SmartRatio(shape="balanced")
    assert balanced({}, 60 / 300, Mask(pruned)) == {"layer1": 30, "layer2": 20, "layer3": 10}
    assert balanced({}, 30 / 300, Mask(pruned)) == {"layer1": 10, "layer2": 10, "layer3": 10}
    assert SmartRatio(shape="linear")({}, 60 / 300, Mask(pruned)) == {"layer1": 30, "layer2": 20, "layer3": 10}


def test_a_linear_layer_that_is_pruned_already_keeps_what_it_has() -> None:
    linear = torch.zeros(5, 4, dtype=torch.bool)
    linear[0, :2] = True
    mask = Mask({"conv": torch.ones(20, 1, 1, dtype=torch.bool), "linear": linear})
    assert SmartRatio()({}, 0.25, mask) == {"conv": 8, "linear": 2}


MASK = dense((10, 10, 1, 1), (10, 10))


@pytest.mark.parametrize(
    ("mask", "density", "sentence"),
    [
        (MASK, 0.7, r"asks for 140 weights, but SmartRatio can keep no more than 130 \(density 0\.65\) here: linear"),
        (MASK, 0.15, r"asks for 30 weights, but SmartRatio can keep no fewer than 31 \(density 0\.155\) here: linear"),
        (MASK, 0.05, r"fixed share, convolutions the rest; ask for another density, change `linear`, or take ERK$"),
        (dense((10, 10)), 0.5, r"SmartRatio can keep no more than 30 \(density 0\.3\) here"),
        (dense((10, 10)), 0.1, r"SmartRatio can keep no fewer than 30 \(density 0\.3\) here"),
    ],
)
def test_a_density_that_the_linear_layers_put_out_of_reach_is_refused(
    mask: Mask, density: float, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        SmartRatio()({}, density, mask)


def test_linear_layers_alone_keep_their_share() -> None:
    assert SmartRatio()({}, 0.3, dense((10, 10))) == {"layer1": 30}


def test_fewer_layers_than_there_are_is_refused_with_the_least() -> None:
    mask = dense((2, 2, 1), (2, 2, 1), (2, 2, 1), (2, 2))
    with pytest.raises(ValueError, match=r"layers=2, but the last convolution is layer 3: give at least 3"):
        SmartRatio(layers=2)({}, 0.5, mask)
    assert sum(SmartRatio(layers=3)({}, 0.5, mask).values()) == 8


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"linear": 1.5}, r"density of linear layers, in \[0, 1\], not 1\.5"),
        ({"layers": 0}, "at least 1, not 0"),
        ({"shape": "square"}, "shape is one of smart, linear, cubic, ascending, balanced, not 'square'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SmartRatio(**arguments)
