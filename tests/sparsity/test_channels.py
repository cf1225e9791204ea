"""Masks of whole channels, and the channels of masks."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lth_lightning.models import VGG, CIFARResNet, LeNet5, MobileNetV2, MobileNetV3
from lth_lightning.sparsity import Mask, prunable
from lth_lightning.sparsity.neurons import Group, alive, groups, maskable, slimmed, thinned, widths

NETWORKS: list[tuple[nn.Module, Sequence[int]]] = [
    (LeNet5(), (1, 28, 28)),
    (VGG(11, width=0.0625), (3, 32, 32)),
    (CIFARResNet(20, width=0.25), (3, 16, 16)),
    (MobileNetV2(width=0.125), (3, 32, 32)),
    (MobileNetV3("small", width=0.25), (3, 32, 32)),
]


@pytest.mark.parametrize(("net", "shape"), NETWORKS, ids=lambda value: type(value).__name__)
@settings(max_examples=8, deadline=None)
@given(share=st.floats(0.1, 1), seed=st.integers(0, 99))
def test_a_thinned_mask_keeps_what_a_smaller_network_has(
    net: nn.Module, shape: Sequence[int], share: float, seed: int
) -> None:
    found, _ = groups(net, shape)
    draws = torch.Generator().manual_seed(seed)
    kept = {
        group.producer: sorted(
            torch.randperm(group.count, generator=draws)[: max(1, int(share * group.count))].tolist()
        )
        for group in found
    }
    mask = thinned(Mask.dense(prunable(net)), found, kept)
    assert alive(mask, found) == kept
    small = slimmed(net, shape, kept)
    sizes = {name: weight.numel() for name, weight in prunable(small).items()}
    assert {name: count for name, (count, _) in mask.layers().items()} == sizes


@pytest.mark.parametrize(("net", "shape"), NETWORKS, ids=lambda value: type(value).__name__)
@settings(max_examples=20, deadline=None)
@given(density=st.floats(0.001, 1))
def test_widths_are_the_largest_share_that_keeps_to_the_density(
    net: nn.Module, shape: Sequence[int], density: float
) -> None:
    found, _ = groups(net, shape)
    dense = Mask.dense(prunable(net))

    def left(each: dict[str, int]) -> float:
        return thinned(dense, found, {producer: range(width) for producer, width in each.items()}).density

    least = left({group.producer: 1 for group in found})
    if density < least:
        with pytest.raises(ValueError, match="out of reach"):
            widths(dense, found, density)
        return
    asked = widths(dense, found, density)
    assert left(asked) <= density + 1e-9
    share = max((asked[group.producer] / group.count for group in found if asked[group.producer] > 1), default=0.0)
    more = sorted({number / group.count for group in found for number in range(1, group.count + 1)})
    nearest = next((each for each in more if each > share + 1e-9), None)
    if nearest is not None:
        wider = {group.producer: max(1, int(nearest * group.count + 1e-9)) for group in found}
        assert wider == asked or left(wider) > density


def test_channels_whose_weights_are_not_to_be_pruned_are_named() -> None:
    net = VGG(11, width=0.0625)
    found, _ = groups(net, (3, 32, 32))
    mask = Mask.dense(prunable(net, exclude=[f"{found[0].consumer}.weight"]))
    rest, left = maskable(found, mask)
    assert rest == found[2:]
    assert set(left) == {found[0].producer, found[1].producer}
    assert found[0].consumer in left[found[0].producer]


def test_a_layer_of_which_nothing_is_read_keeps_its_first_channel() -> None:
    group = Group("a", "b", 3, 1, filters=("a",))
    mask = Mask({"a.weight": torch.ones(3, 2, dtype=torch.bool), "b.weight": torch.zeros(4, 3, dtype=torch.bool)})
    assert alive(mask, [group]) == {"a": [0]}
    assert alive(Mask({"a.weight": torch.ones(3, 2, dtype=torch.bool)}), [group]) == {"a": [0, 1, 2]}


def test_a_channel_that_makes_gates_is_read() -> None:
    group = Group("a", "b", 3, 1, filters=("a", "d"), gates=("c",))
    mask = Mask({f"{name}.weight": torch.ones(3, 3, dtype=torch.bool) for name in "abcd"})
    kept = thinned(mask, [group], {"a": [1]})
    assert alive(kept, [group]) == {"a": [1]}
    assert [kept[f"{name}.weight"].nonzero().tolist() for name in "ad"] == [[[1, i] for i in range(3)]] * 2
    assert [kept[f"{name}.weight"].nonzero().tolist() for name in "bc"] == [[[i, 1] for i in range(3)]] * 2
    read = {**kept, "c.weight": torch.tensor([[True, False, False]] * 3)}
    assert alive(Mask(read), [group]) == {"a": [0, 1]}
    assert maskable([group], Mask({name: mask[name] for name in mask if name != "c.weight"}))[0] == []
