"""The rule that moves masks, against one that looks at every weight in turn."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lth_lightning.sparsity import drop_and_grow


def in_turn(weight: list[float], growth: list[float], kept: list[bool], fraction: float) -> list[bool]:
    """Evci et al., 2020: keep the largest of the kept, then grow the best-scored of whatever is not kept by then."""
    ones = [index for index, on in enumerate(kept) if on]
    dropped = math.floor(len(ones) * fraction)
    now = set(sorted(ones, key=lambda index: (-abs(weight[index]), index))[: len(ones) - dropped])
    others = [index for index in range(len(kept)) if index not in now]
    now |= set(sorted(others, key=lambda index: (-growth[index], index))[:dropped])
    return [index in now for index in range(len(kept))]


# few different values, so that there are many ties
VALUES = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])


@st.composite
def layers(draw: st.DrawFn) -> tuple[list[float], list[float], list[bool]]:
    size = draw(st.integers(1, 24))
    weight, growth = (draw(st.lists(VALUES, min_size=size, max_size=size)) for _ in range(2))
    kept = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return [value if on else 0.0 for value, on in zip(weight, kept, strict=True)], growth, kept


@settings(max_examples=300)
@given(layers(), st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.3, 0.5, 1.0])))
def test_a_mask_moves_as_by_looking_at_every_weight_in_turn(
    layer: tuple[list[float], list[float], list[bool]], fraction: float
) -> None:
    weight, growth, kept = layer
    tensors = torch.tensor(weight), torch.tensor(growth), torch.tensor(kept)
    before = [tensor.clone() for tensor in tensors]
    moved = drop_and_grow(*tensors, fraction)
    assert moved.tolist() == in_turn(weight, growth, kept, fraction)
    assert int(moved.sum()) == sum(kept)
    assert all(torch.equal(one, other) for one, other in zip(tensors, before, strict=True)), "changed its arguments"


def moved(weight: list[float], growth: list[float], kept: list[int], fraction: float) -> list[int]:
    made: Tensor = drop_and_grow(torch.tensor(weight), torch.tensor(growth), torch.tensor(kept).bool(), fraction)
    return made.int().tolist()


def test_what_was_just_dropped_may_be_grown_again() -> None:
    assert moved([3, -1, 0, 0], [0, 9, 1, 2], [1, 1, 0, 0], 0.5) == [1, 1, 0, 0]
    assert moved([3, -1, 0, 0], [0, 0, 1, 2], [1, 1, 0, 0], 0.5) == [1, 0, 0, 1]


def test_a_kept_weight_of_zero_is_dropped_before_others_but_is_none_of_the_pruned_ones() -> None:
    assert moved([0, 0, 5], [1, 0, 0], [0, 1, 1], 0.5) == [1, 0, 1]
    assert moved([0, 0, 5], [1, 0, 0], [0, 1, 1], 0.4) == [0, 1, 1]


@pytest.mark.parametrize("kept", [[1] * 6, [0] * 6])
def test_a_layer_that_is_full_or_empty_stays_so(kept: list[int]) -> None:
    assert moved([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], kept, 0.5) == kept


def test_the_shape_and_the_memory_layout_of_a_layer_do_not_matter() -> None:
    draws = torch.Generator().manual_seed(0)
    kept = torch.rand(4, 3, 5, 5, generator=draws) < 0.3
    weight, growth = torch.randn(kept.shape, generator=draws) * kept, torch.randn(kept.shape, generator=draws)
    flat = drop_and_grow(weight.flatten(), growth.flatten(), kept.flatten(), 0.3)
    last = [tensor.to(memory_format=torch.channels_last) for tensor in (weight, growth, kept)]
    assert torch.equal(drop_and_grow(*last, 0.3), flat.view_as(kept))
