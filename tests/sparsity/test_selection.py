import math
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lth_lightning.sparsity import Allocation, Global, Mask, Uniform, count, generator, prune

ALLOCATIONS = [Global(), Uniform()]


@st.composite
def scored_masks(draw: st.DrawFn) -> tuple[dict[str, Tensor], Mask]:
    """Scores with many ties, and a mask within which to prune; layers of one weight included."""
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    values = st.sampled_from([-2.0, -0.0, 0.0, 0.5, 0.5, 3.0, 3e38])
    scores, kept = {}, {}
    for index, size in enumerate(sizes):
        scores[f"layer{index}"] = torch.tensor(draw(st.lists(values, min_size=size, max_size=size)))
        kept[f"layer{index}"] = torch.tensor(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    kept["layer0"][0] = True
    return scores, Mask(kept)


def best_by_sorting(entries: list[tuple[float, int, int]], number: int) -> set[tuple[int, int]]:
    """The (layer, index) of the best-scored entries, by Python's sort."""
    return {
        (layer, index) for _, layer, index in sorted((-score, layer, index) for score, layer, index in entries)[:number]
    }


def candidates(scores: Mapping[str, Tensor], within: Mask) -> list[tuple[float, int, int]]:
    return [
        (scores[name][index].item(), layer, index)
        for layer, name in enumerate(within)
        for index in within[name].nonzero().flatten().tolist()
    ]


def chosen(mask: Mask) -> set[tuple[int, int]]:
    return {(layer, index) for layer, kept in enumerate(mask.values()) for index in kept.nonzero().flatten().tolist()}


@given(scored_masks(), st.data())
def test_global_pruning_is_one_sort_over_all_layers(
    scored: tuple[dict[str, Tensor], Mask], data: st.DataObject
) -> None:
    scores, within = scored
    number = data.draw(st.integers(1, within.kept))
    mask = prune(scores, number / within.size, Global(), within)
    assert chosen(mask) == best_by_sorting(candidates(scores, within), number)


@given(scored_masks(), st.data())
def test_layerwise_pruning_is_a_sort_in_each_layer(scored: tuple[dict[str, Tensor], Mask], data: st.DataObject) -> None:
    scores, within = scored
    number = data.draw(st.integers(1, within.kept))
    mask = prune(scores, number / within.size, Uniform(), within)
    budgets = Uniform()(scores, number / within.size, within)
    assert sum(budgets.values()) == number
    for layer, name in enumerate(within):
        entries = [entry for entry in candidates(scores, within) if entry[1] == layer]
        here = {place for place in chosen(mask) if place[0] == layer}
        assert here == best_by_sorting(entries, budgets[name])


def test_a_convolution_is_ranked_in_the_order_of_its_index_whatever_its_memory_format() -> None:
    scores = torch.randint(0, 4, (6, 3, 3, 3), generator=generator("test", 0)).float()
    plain = prune({"w": scores}, 0.4)
    other = prune({"w": scores.to(memory_format=torch.channels_last)}, 0.4)
    assert plain == other
    assert chosen(Mask({"w": plain["w"].flatten()})) == best_by_sorting(
        [(score, 0, index) for index, score in enumerate(scores.flatten().tolist())], round(0.4 * 162)
    )


def test_equal_scores_are_kept_in_the_order_of_their_index() -> None:
    mask = prune({"a": torch.zeros(3), "b": torch.zeros(2, 2)}, 4 / 7)
    assert mask["a"].tolist() == [True, True, True]
    assert mask["b"].tolist() == [[True, False], [False, False]]


def test_pruned_weights_are_not_ranked_even_when_their_scores_are_the_largest() -> None:
    scores = {"a": torch.tensor([9.0, 1.0, 2.0, 9.0]), "b": torch.tensor([9.0, 0.0, 1.0])}
    within = Mask({"a": torch.tensor([False, True, True, False]), "b": torch.tensor([False, True, True])})
    for allocation in ALLOCATIONS:
        mask = prune(scores, 2 / 7, allocation, within)
        assert mask.kept == 2
        assert mask.within(within)
    assert prune(scores, 2 / 7, Global(), within) == Mask(
        {"a": torch.tensor([False, True, True, False]), "b": torch.tensor([False, False, False])}
    )


@pytest.mark.parametrize("allocation", ALLOCATIONS, ids=str)
def test_twenty_rounds_never_bring_a_weight_back_and_hit_every_density(allocation: Allocation) -> None:
    draws = generator("test", 1)
    within = Mask.dense({"one": torch.zeros(1), "small": torch.zeros(3, 3), "large": torch.zeros(11, 50)})
    for number in range(1, 21):
        scores = {name: torch.rand(kept.shape, generator=draws) for name, kept in within.items()}  # others each round
        mask = prune(scores, 0.8**number, allocation, within)
        assert mask.within(within)
        assert mask.kept == math.floor(0.8**number * 560 + 0.5)
        within = mask


@pytest.mark.parametrize(
    ("density", "size", "kept"),
    [
        (0.25, 10, 3),  # 2.5: Python's round gives 2
        (0.5, 5, 3),  # 2.5
        (0.5, 7, 4),  # 3.5: Python's round gives 4 too
        (0.05, 10, 1),  # 0.5
        (0.15, 10, 2),  # 1.5
        (0.249, 10, 2),
        (0.251, 10, 3),
        (1.0, 1, 1),
        (0.5, 1, 1),
        (0.8, 266200, 212960),  # LeNet-300-100 on MNIST: 20 % of it is 53,240
    ],
)
def test_halves_are_rounded_up(density: float, size: int, kept: int) -> None:
    assert count(density, size) == kept
    assert prune({"w": torch.arange(float(size))}, density).kept == kept


@given(st.integers(1, 30_000_000), st.data())
@settings(max_examples=300)
def test_a_density_that_is_a_share_of_the_weights_gives_exactly_these(size: int, data: st.DataObject) -> None:
    kept = data.draw(st.integers(1, size))
    assert count(kept / size, size) == kept


@pytest.mark.parametrize("density", [0.0, -0.1, 1.0001, math.nan, 20])
def test_a_density_outside_its_range_is_refused(density: float) -> None:
    with pytest.raises(ValueError, match=rf"share of weights kept, in \(0, 1\], not {density}"):
        prune({"w": torch.ones(10)}, density)


def test_a_density_that_keeps_nothing_is_refused_with_the_least_possible() -> None:
    with pytest.raises(ValueError, match=r"density 0\.04 of 10 weights keeps none: ask for at least 0\.1"):
        prune({"w": torch.ones(10)}, 0.04)


@pytest.mark.parametrize("allocation", ALLOCATIONS, ids=str)
def test_asking_for_more_than_is_left_is_refused(allocation: Allocation) -> None:
    within = Mask({"w": torch.tensor([True, False, True, False])})
    with pytest.raises(ValueError, match=r"asks for 3 weights, but no more than 2 \(density 0\.5\) are left"):
        prune({"w": torch.ones(4)}, 0.75, allocation, within)
    assert prune({"w": torch.ones(4)}, 0.5, allocation, within) == within


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_refused_by_the_name_of_their_layer(value: float) -> None:
    scores = {"a": torch.ones(2), "b": torch.tensor([1.0, value])}
    with pytest.raises(ValueError, match=r"scores of b are not all finite numbers: .* lower the learning rate"):
        prune(scores, 0.5)


def test_scores_of_what_is_pruned_already_may_be_anything() -> None:
    within = Mask({"a": torch.tensor([True, False, True])})
    mask = prune({"a": torch.tensor([1.0, math.nan, 2.0])}, 1 / 3, within=within)
    assert mask["a"].tolist() == [False, False, True]


def test_scores_of_another_network_are_refused() -> None:
    within = Mask.dense({"a": torch.ones(2), "b": torch.ones(3)})
    with pytest.raises(ValueError, match="has b, which this network lacks"):
        prune({"a": torch.ones(2)}, 0.5, within=within)
    with pytest.raises(ValueError, match=r"mask of b has shape \(3,\), the weight \(4,\)"):
        prune({"a": torch.ones(2), "b": torch.ones(4)}, 0.5, within=within)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_scores_of_any_precision_are_ranked(dtype: torch.dtype) -> None:
    scores = torch.tensor([3.0, 1.0, 2.0, 2.0]).to(dtype)
    assert prune({"w": scores}, 0.5)["w"].tolist() == [True, False, True, False]
