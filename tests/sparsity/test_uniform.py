import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_lightning.sparsity import Mask, Uniform

SIZES = st.lists(st.integers(1, 90), min_size=1, max_size=6)


def dense(sizes: list[int]) -> Mask:
    return Mask.dense({f"layer{index}": torch.zeros(size, 1) for index, size in enumerate(sizes)})


@settings(max_examples=60)
@given(SIZES, st.data())
def test_densities_differ_by_less_than_a_weight(sizes: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(1, sum(sizes)))
    budgets = Uniform()({}, total / sum(sizes), dense(sizes))
    for budget, size in zip(budgets.values(), sizes, strict=True):
        assert abs(budget - total * size / sum(sizes)) < 1


@settings(max_examples=60)
@given(SIZES, st.data())
def test_a_dense_first_layer_leaves_the_others_at_one_density(sizes: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(sizes[0], sum(sizes)))
    first, *others = Uniform(dense_first=True)({}, total / sum(sizes), dense(sizes)).values()
    assert first == sizes[0]
    for budget, size in zip(others, sizes[1:], strict=True):
        assert abs(budget - (total - first) * size / sum(sizes[1:])) < 1


def test_a_first_layer_that_is_pruned_already_keeps_what_it_has() -> None:
    mask = Mask({"a": torch.tensor([[True, False, True]]), "b": torch.ones(7, 1, dtype=torch.bool)})
    assert Uniform(dense_first=True)({}, 0.5, mask) == {"a": 2, "b": 3}


def test_a_density_below_what_the_first_layer_needs_is_refused_with_the_smallest() -> None:
    allocation, mask = Uniform(dense_first=True), dense([300, 700])
    sentence = (
        r"density 0\.25 asks for 250 weights, but Uniform can keep no fewer than 300 \(density 0\.3\) here: "
        "the first layer stays dense; ask for more, or give dense_first=False"
    )
    with pytest.raises(ValueError, match=sentence):
        allocation({}, 0.25, mask)
    assert allocation({}, 0.3, mask) == {"layer0": 300, "layer1": 0}
    assert sum(Uniform()({}, 0.25, mask).values()) == 250
