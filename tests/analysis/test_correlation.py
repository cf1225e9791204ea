import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lth_lightning.analysis import Weights, weight_correlation

Case = tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]


@st.composite
def pairs(draw: st.DrawFn) -> Case:
    """Two networks with many ties, and a mask that keeps at least one weight."""
    values = st.sampled_from([-2.0, -1.0, 0.5, 1.0, 1.0, 3.0])
    one, other, mask = {}, {}, {}
    for layer, size in enumerate(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))):
        one[f"{layer}"], other[f"{layer}"] = (
            torch.tensor(draw(st.lists(values, min_size=size, max_size=size))) for _ in range(2)
        )
        mask[f"{layer}"] = torch.tensor(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    mask["0"][0] = True
    return one, other, mask


def top(weights: list[float], among: list[int], p: float) -> set[int]:
    """The indices of the largest magnitudes, by Python's sort."""
    number = max(1, math.floor(p * len(among) + 0.5))
    return set(sorted(among, key=lambda index: (-abs(weights[index]), index))[:number])


@settings(max_examples=50)
@given(pairs(), st.floats(0.01, 1), st.booleans())
def test_it_is_the_overlap_of_sets(case: Case, p: float, masked: bool) -> None:
    one, other, mask = case
    if not masked:
        mask = {name: torch.ones_like(kept) for name, kept in mask.items()}
    common, sizes, expected = [], [], {}
    for name, kept in mask.items():
        among = kept.nonzero().flatten().tolist()
        if among:
            here, there = (top(net[name].tolist(), among, p) for net in (one, other))
            common.append(len(here & there))
            sizes.append(len(here))
            expected[name] = len(here & there) / len(here)
    found = weight_correlation(one, other, p, mask if masked else None)
    assert found.layers == expected
    assert found.total == sum(common) / sum(sizes)


@settings(max_examples=50)
@given(pairs(), st.floats(0.01, 1), st.booleans())
def test_a_network_correlates_with_itself_perfectly(case: Case, p: float, masked: bool) -> None:
    one, _, mask = case
    assert weight_correlation(one, one, p, mask if masked else None).total == 1
    negative = {name: -3 * weight for name, weight in one.items()}
    assert weight_correlation(one, negative, p, mask if masked else None).total == 1  # by magnitude, in each layer


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5])
def test_independent_networks_correlate_as_chance_has_it(p: float) -> None:
    draws = torch.Generator().manual_seed(0)
    sizes = {"a": (40, 50), "b": (3000,), "c": (10, 10, 3, 3)}
    one, other = ({name: torch.randn(size, generator=draws) for name, size in sizes.items()} for _ in range(2))
    found = weight_correlation(one, other, p)
    variance = 0.0  # of hypergeometric numbers of common weights
    for size in map(math.prod, sizes.values()):
        k = round(p * size)
        variance += k * (k / size) * (1 - k / size) * (size - k) / (size - 1)
    assert found.chance == pytest.approx(p, abs=1e-9)
    assert abs(found.total - p) < 3 * math.sqrt(variance) / round(p * sum(map(math.prod, sizes.values())))


def test_the_largest_here_are_the_smallest_there() -> None:
    up, down = {"w": torch.arange(1.0, 11)}, {"w": torch.arange(10.0, 0, -1)}
    assert weight_correlation(up, down, 0.5).total == 0
    assert weight_correlation(up, down, 0.6).total == 2 / 6  # the fifth and sixth
    assert weight_correlation(up, down, 1).total == 1


def test_top_sets_are_rounded_with_halves_up_and_have_one_weight_at_least() -> None:
    weights = {"w": torch.arange(1.0, 26)}
    for p, number in ((0.1, 3), (0.5, 13), (0.001, 1)):
        assert weight_correlation(weights, weights, p).chance == pytest.approx(number / 25)


def test_what_is_pruned_is_not_ranked_however_large() -> None:
    mask = {"a": torch.tensor([True, True, True, True, False, False]), "b": torch.tensor([False])}
    one = {"a": torch.tensor([4.0, 3.0, 2.0, 1.0, 9.0, math.nan]), "b": torch.tensor([9.0])}
    other = {"a": torch.tensor([4.0, 1.0, 2.0, 3.0, 0.0, 9.0]), "b": torch.tensor([0.0])}
    found = weight_correlation(one, other, 0.5, mask)  # half of four, not of six
    assert (found.layers, found.total, found.chance) == ({"a": 0.5}, 0.5, 0.5)


def test_a_sparse_network_is_compared_with_a_dense_one_over_full_layers() -> None:
    dense = {"w": torch.tensor([4.0, 3.0, 2.0, 1.0, 0.5])}
    sparse = {"w": torch.tensor([0.0, 1.0, 0.0, 2.0, 0.0])}
    assert weight_correlation(sparse, dense, 0.4).total == 0.5
    with pytest.raises(ValueError, match=r"top set of w has 3 of 5 weights, but only 2 are not zero: .* the mask"):
        weight_correlation(dense, sparse, 0.6)
    mask = {"w": torch.tensor([True, True, True, True, False])}
    with pytest.raises(ValueError, match=r"top set of w has 3 of 4 weights, but only 2 are not zero: .* smaller p$"):
        weight_correlation(dense, sparse, 0.75, mask)


@pytest.mark.parametrize("p", [0, -0.1, 1.01, math.nan])
def test_a_share_outside_its_range_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=rf"share .* in \(0, 1\], not {p}"):
        weight_correlation({"w": torch.ones(2)}, {"w": torch.ones(2)}, p)


@pytest.mark.parametrize(
    ("one", "other", "mask", "words"),
    [
        ({"a": torch.ones(2)}, {"b": torch.ones(2)}, None, "the other network lacks a"),
        ({"a": torch.ones(2)}, {"a": torch.ones(2), "b": torch.ones(2)}, None, "the network lacks b"),
        ({"a": torch.ones(2)}, {"a": torch.ones(3)}, None, r"shape \(2,\), but \(3,\) in the other network"),
        ({"a": torch.ones(2)}, {"a": torch.ones(2)}, {}, "the mask lacks a"),
        ({"a": torch.ones(2)}, {"a": torch.ones(2)}, {"a": torch.ones(3).bool()}, r"\(3,\) in the mask"),
        ({"a": torch.ones(2)}, {"a": torch.ones(2)}, {"a": torch.zeros(2).bool()}, "no weights to compare"),
        ({}, {}, None, "no weights to compare"),
        ({"a": torch.ones(1)}, {"a": torch.tensor([math.nan])}, None, "a are not all finite .* diverged"),
    ],
)
def test_what_cannot_be_compared_is_refused(one: Weights, other: Weights, mask: Weights | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        weight_correlation(one, other, 0.5, mask)
