import pickle
from copy import deepcopy

import pytest
import torch
from torch import nn

from lth_lightning.sparsity import Mask, generator, prunable


def some(seed: int, density: float = 0.5) -> Mask:
    draws = generator("test", seed)
    return Mask({"a": torch.rand(4, 3, generator=draws) < density, "b": torch.rand(7, generator=draws) < density})


def test_changing_the_tensors_that_a_mask_was_made_of_does_not_change_it() -> None:
    source = {"a": torch.ones(2, 3, dtype=torch.bool)}
    mask = Mask(source)
    source["a"][0] = False
    source["b"] = torch.zeros(1, dtype=torch.bool)
    assert mask.density == 1
    assert list(mask) == ["a"]


def test_a_dense_mask_does_not_follow_the_weights() -> None:
    weights = {"a": torch.ones(2, 3)}
    mask = Mask.dense(weights)
    weights["a"].zero_()
    assert mask.kept == mask.size == 6


def test_entries_cannot_be_assigned() -> None:
    with pytest.raises(TypeError):
        some(0)["a"] = torch.ones(4, 3, dtype=torch.bool)  # type: ignore[index]


def test_density_is_counted_from_the_tensors() -> None:
    mask = Mask({"a": torch.tensor([[True, False], [False, False]]), "b": torch.tensor([True, True, False])})
    assert (mask.kept, mask.size, mask.density) == (3, 7, 3 / 7)
    assert mask.layers() == {"a": (1, 4), "b": (2, 3)}


def test_a_layer_of_which_nothing_is_left_is_listed() -> None:
    mask = Mask({"a": torch.zeros(3, dtype=torch.bool), "b": torch.tensor([True, False])})
    assert mask.collapsed() == ["a"]
    assert some(0).collapsed() == []


def test_within_and_overlap_are_those_of_sets() -> None:
    for seed in range(20):
        one, other = some(seed, 0.4), some(seed + 100, 0.8)
        if seed % 2:  # a mask that certainly is within
            one = Mask({name: kept & other[name] for name, kept in one.items()})
        first = {(name, index) for name in one for index in one[name].flatten().nonzero().flatten().tolist()}
        second = {(name, index) for name in other for index in other[name].flatten().nonzero().flatten().tolist()}
        assert one.within(other) == (first <= second)
        assert one.overlap(other) == len(first & second) / len(first)


def test_the_overlap_of_a_mask_that_keeps_nothing_is_zero() -> None:
    assert Mask({"a": torch.zeros(3, dtype=torch.bool)}).overlap(Mask({"a": torch.ones(3, dtype=torch.bool)})) == 0


def test_masks_are_equal_when_names_shapes_and_entries_are() -> None:
    mask = some(0)
    assert mask == some(0)
    assert hash(mask) == hash(some(0))
    assert mask != some(1)
    assert mask != Mask({"a": mask["a"]})
    assert mask != Mask({"a": mask["a"].flatten(), "b": mask["b"]})
    assert mask != dict(mask)


def test_masks_survive_pickling_and_copying() -> None:
    mask = some(0)
    assert pickle.loads(pickle.dumps(mask)) == mask
    assert deepcopy(mask) == mask


def test_only_bool_tensors_are_a_mask() -> None:
    with pytest.raises(TypeError, match=r"the mask of a is torch\.float32, not torch\.bool"):
        Mask({"a": torch.ones(3)})


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_applying_a_mask_zeroes_exactly_what_it_prunes(memory_format: torch.memory_format, dtype: torch.dtype) -> None:
    weight = torch.randn(4, 3, 2, 2, generator=generator("test", 0)).to(dtype).to(memory_format=memory_format)
    weight[0, 0, 0, 0] = torch.inf  # infinity times zero is not zero
    mask = Mask({"w": torch.rand(4, 3, 2, 2, generator=generator("test", 1)) < 0.3})
    assert not mask["w"][0, 0, 0, 0]
    before = weight.clone()
    mask.apply({"w": weight, "unmasked": torch.ones(1)})
    assert torch.equal(weight, torch.where(mask["w"], before, 0))


def test_applying_a_mask_to_parameters_needs_no_context() -> None:
    net = nn.Linear(3, 2)
    mask = Mask({"weight": torch.tensor([[True, False, True], [False, True, False]])})
    mask.apply(prunable(net))
    assert net.weight.requires_grad
    assert net.weight.is_leaf
    assert torch.equal(net.weight != 0, mask["weight"])


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ({"b": torch.ones(7)}, "the mask has a, which this network lacks"),
        (
            {"a": torch.ones(3, 4), "b": torch.ones(7)},
            r"mask of a has shape \(4, 3\), the weight \(3, 4\): it belongs to another",
        ),
    ],
)
def test_the_mask_of_another_network_is_refused_and_nothing_is_changed(
    weights: dict[str, torch.Tensor], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        some(0).apply(weights)
    assert all(bool((weight == 1).all()) for weight in weights.values())
