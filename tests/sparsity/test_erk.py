import math
from fractions import Fraction
from math import prod

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lth_lightning.models import ResNet
from lth_lightning.sparsity import ER, ERK, Mask, count, prunable

SHAPES = st.sampled_from([(1, 1), (4, 3), (3, 40), (2, 3, 1, 1), (8, 1, 3, 3), (4, 2, 5, 5), (16, 8, 3, 3), (6, 5, 3)])


def published(shapes: list[tuple[int, ...]], total: int) -> list[Fraction]:
    """Densities by the published search for epsilon: layers become dense one after the other, the densest first."""
    raw = [Fraction(sum(shape), prod(shape)) for shape in shapes]
    dense: set[int] = set()
    while len(dense) < len(shapes):
        rest = [index for index in range(len(shapes)) if index not in dense]
        left = total - sum(prod(shapes[index]) for index in dense)
        epsilon = left / sum(raw[index] * prod(shapes[index]) for index in rest)
        densest = max(rest, key=lambda index: raw[index])
        if epsilon * raw[densest] <= 1:
            return [Fraction(1) if index in dense else epsilon * raw[index] for index in range(len(shapes))]
        dense.add(densest)
    return [Fraction(1)] * len(shapes)


@settings(max_examples=100)
@given(st.lists(SHAPES, min_size=1, max_size=7), st.data())
def test_densities_are_the_published_ones_up_to_a_weight(shapes: list[tuple[int, ...]], data: st.DataObject) -> None:
    mask = Mask.dense({f"layer{index}": torch.zeros(shape) for index, shape in enumerate(shapes)})
    total = data.draw(st.integers(1, mask.size))
    budgets = ERK()({}, total / mask.size, mask)
    for budget, density, shape in zip(budgets.values(), published(shapes, total), shapes, strict=True):
        assert abs(budget - density * prod(shape)) < 1


def solved(ratios: list[float], sizes: list[int], removed: float, forced: set[int]) -> tuple[list[float], set[int]]:
    """The published solver: epsilon by its equation; while it is too large, layers of the largest ratio are dense."""
    dense = set(forced)
    while True:
        rest = [index for index in range(len(sizes)) if index not in dense]
        if not rest:
            return [1.0] * len(sizes), dense
        divisor = sum(ratios[index] * sizes[index] for index in rest)
        wanted = sum(sizes[index] - math.floor(removed * sizes[index]) for index in rest)
        wanted -= sum(math.floor(removed * sizes[index]) for index in dense)
        epsilon = wanted / divisor
        largest = max(ratios[index] for index in rest)
        if epsilon * largest <= 1:
            return [1.0 if index in dense else epsilon * ratios[index] for index in range(len(sizes))], dense
        dense |= {index for index in rest if ratios[index] == largest}


@settings(max_examples=150)
@given(
    st.lists(SHAPES, min_size=1, max_size=7),
    st.sampled_from([0.05, 0.1, 0.2, 0.5, 0.9]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.booleans(),
    st.sampled_from([ERK, ER]),
)
def test_budgets_are_those_of_the_published_solver(
    shapes: list[tuple[int, ...]], density: float, power: float, first_dense: bool, kind: type[ERK]
) -> None:
    mask = Mask.dense({f"layer{index}": torch.zeros(shape) for index, shape in enumerate(shapes)})
    sizes = [prod(shape) for shape in shapes]
    of_kernel = [sum(shape) / prod(shape) for shape in shapes]
    of_channels = [(shape[0] + shape[1]) / (shape[0] * shape[1]) for shape in shapes]
    ratios = [ratio**power for ratio in (of_kernel if kind is ERK else of_channels)]
    forced = {0} if first_dense else set()
    assume(density * mask.size >= max(0.5, sizes[0] * first_dense))
    densities, dense = solved(ratios, sizes, 1 - density, forced)
    budgets = kind(power, ["layer0"] if first_dense else [])({}, density, mask)
    assert sum(budgets.values()) == count(density, mask.size), "exact, whereas the solver rounds every layer up"
    rounding = len(shapes) + 1  # what the solver keeps too much in all; one ratio gets all of it at worst
    for (name, budget), share, size in zip(budgets.items(), densities, sizes, strict=True):
        assert abs(budget - share * size) <= rounding, name
    assert all(budgets[f"layer{index}"] >= sizes[index] - rounding for index in dense)


def test_a_density_that_dense_layers_leave_no_room_for_names_them() -> None:
    mask = Mask.dense({"conv": torch.zeros(8, 4, 3, 3), "head": torch.zeros(2, 8), "point": torch.zeros(8, 8, 1, 1)})
    says = r"ERK can keep no fewer than 304 \(density 0\.826\) here: conv, head stay full; ask for more"
    with pytest.raises(ValueError, match=says):
        ERK(dense=["conv", "head"])({}, 0.5, mask)
    assert ERK(dense=["conv", "head"])({}, 320 / 368, mask) == {"conv": 288, "head": 16, "point": 16}
    with pytest.raises(ValueError, match="dense has the pattern 'haed', which matches none of conv, head, point"):
        ERK(dense=["haed"])({}, 0.5, mask)


def test_small_cases_of_er_and_of_powers_by_hand() -> None:
    mask = Mask.dense({"conv": torch.zeros(8, 4, 3, 3), "head": torch.zeros(2, 8), "point": torch.zeros(8, 8, 1, 1)})
    # (8 + 4) * 9 = 108, 10 and 16 of 134
    assert ER()({}, 67 / 368, mask) == {"conv": 54, "head": 5, "point": 8}
    assert ERK(power=0)({}, 46 / 368, mask) == {"conv": 36, "head": 2, "point": 8}
    with pytest.raises(ValueError, match="power is -1"):
        ERK(-1)


def test_a_small_case_by_hand() -> None:
    mask = Mask.dense({"conv": torch.zeros(8, 4, 3, 3), "head": torch.zeros(2, 8), "point": torch.zeros(8, 8, 1, 1)})
    # sums of dimensions 18, 10, 18: of 23 weights 9, 5, 9
    assert ERK()({}, 23 / 368, mask) == {"conv": 9, "head": 5, "point": 9}
    # of 200 the head would get 43 of its 16; the others share 184, 92 each, of which point takes 64
    assert ERK()({}, 200 / 368, mask) == {"conv": 120, "head": 16, "point": 64}


def test_a_resnet_50_costs_the_published_share_of_multiplications() -> None:
    with torch.device("meta"):
        net = ResNet(50, stem="imagenet", num_classes=1000)
        image = torch.empty(1, 3, 224, 224)
    mask = Mask({name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in prunable(net).items()})
    pixels: dict[str, int] = {}

    def note(name: str, output: Tensor) -> None:
        pixels[name] = prod(output.shape[2:])

    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda _, __, output, name=f"{name}.weight": note(name, output))
    net(image)
    dense = sum(mask[name].numel() * pixels[name] for name in mask)
    for density, share in ((0.2, 0.42), (0.1, 0.24), (0.05, 0.12)):  # Evci et al., 2020; uniform: 0.23, 0.13, 0.08
        budgets = ERK()({}, density, mask)
        assert sum(budgets[name] * pixels[name] for name in mask) / dense == pytest.approx(share, abs=0.01)
