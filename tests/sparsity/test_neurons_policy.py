"""Neurons that are taken out layer by layer: when, which, and what becomes of the network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lth_lightning.models import CIFARResNet
from lth_lightning.sparsity import Clock, Mask, Neurons, Now, Sample, prunable
from lth_lightning.sparsity.neurons import (
    FilterNorm,
    Layer,
    LocalImitation,
    RandomNeurons,
    Stop,
    alive,
    fold_,
    groups,
    logits,
    thinned,
    widths,
)

SHAPE = (3, 8, 8)
DRAWS = torch.Generator().manual_seed(1)
BATCHES = [(torch.randn(8, *SHAPE, generator=DRAWS), torch.randint(0, 4, (8,), generator=DRAWS)) for _ in range(2)]


def network() -> nn.Module:
    torch.manual_seed(0)
    return CIFARResNet(8, width=0.5, num_classes=4)


def drawn(sample: Sample) -> Sequence[tuple[Tensor, Tensor]]:
    return BATCHES[: sample.batches]


def pruned(policy: Neurons, net: nn.Module, total: int) -> tuple[dict[int, Mask], list[Mapping[str, Any]]]:
    """The masks by the steps of a training that changes no weight, and what was noted."""
    mask, masks, notes = policy.start(net, Mask.dense(prunable(net)), drawn), {}, list[Mapping[str, Any]]()
    for step in range(1, total + 1):
        now = Now(step, Clock(10, total), draw=drawn, note=notes.append)
        mask = policy.after(net, mask, now)
        mask.apply(prunable(net))
        masks[step] = mask
    return masks, notes


@pytest.mark.parametrize(("total", "at"), [(40, [10, 20, 30]), (4, [1, 2, 3]), (2, [1, 1, 2])])
def test_layers_are_pruned_at_equal_distances_each_with_the_earlier_ones_pruned(total: int, at: list[int]) -> None:
    policy, net, by_hand = Neurons(0.5, LocalImitation()), network(), network()
    masks, notes = pruned(policy, net, total)
    found, _ = groups(by_hand, SHAPE)
    assert len(found) == 3
    mask = Mask.dense(prunable(by_hand))
    asked = widths(mask, found, 0.5)
    for number, group in enumerate(found):
        choice = LocalImitation().choose(Layer(by_hand, group, BATCHES), Stop(asked[group.producer]))
        assert notes[number]["kept"] == len(choice.kept) <= asked[group.producer] < notes[number]["neurons"]
        assert (notes[number]["layer"], notes[number]["by"]) == (group.producer, "LocalImitation")
        fold_(by_hand, group, choice.coefficients)
        mask = thinned(mask, [group], {group.producer: choice.kept})
        mask.apply(prunable(by_hand))
        if number + 1 == len(at) or at[number] != at[number + 1]:
            assert masks[at[number]] == mask
    assert masks[total] == mask
    assert mask.density <= 0.5
    ends = net.state_dict(), by_hand.state_dict()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_the_network_that_is_imitated_is_that_of_the_checkpoint(tmp_path: Path) -> None:
    net, other = network(), network()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=DRAWS))
    torch.save({"state_dict": other.state_dict()}, tmp_path / "last.ckpt")
    policy = Neurons(0.9, FilterNorm()).imitating(tmp_path / "last.ckpt")
    assert policy.imitating(tmp_path / "another.ckpt") == policy, "what was asked for stays"
    targets = torch.cat(logits(other, [images for images, _ in BATCHES])).double()
    before = network()
    before.load_state_dict(net.state_dict())
    _, notes = pruned(policy, net, 2000)
    first = groups(before, SHAPE)[0][0]
    choice = FilterNorm().choose(Layer(before, first, BATCHES), Stop(notes[0]["kept"]))
    fold_(before, first, choice.coefficients * len(choice.coefficients) / first.count)
    made = torch.cat(logits(before, [images for images, _ in BATCHES])).double()
    expected = float((made - targets).square().sum() / targets.square().sum())
    assert notes[0]["output_change"] == pytest.approx(expected, rel=1e-4)


def test_a_tolerance_keeps_fewer_neurons_where_less_do_and_says_where_it_was_not_met() -> None:
    net = network()
    masks, notes = pruned(Neurons(0.9, LocalImitation(), tolerance=0.2, tolerance_of="layer"), net, 4)
    for note in notes:
        assert note["tolerance_met"]
        assert note["layer_change"] <= 0.2
    assert masks[4].density < 0.7
    _, notes = pruned(Neurons(0.3, LocalImitation(), tolerance=1e-6, tolerance_of="layer"), network(), 4)
    assert [note["tolerance_met"] for note in notes] == [False] * 3


def test_a_network_without_the_neurons_is_what_is_left() -> None:
    net = network()
    masks, _ = pruned(Neurons(0.4, LocalImitation()), net, 4)
    found, _ = groups(net, SHAPE)
    kept = alive(masks[4], found)
    assert thinned(Mask.dense(masks[4]), found, kept) == masks[4], "whole neurons, and nothing besides"
    assert all(len(kept[group.producer]) < group.count for group in found)


def test_weights_that_are_not_to_be_pruned_leave_their_layer_alone() -> None:
    net = network()
    found, _ = groups(net, SHAPE)
    weights = Mask.dense(prunable(net, exclude=[f"{found[1].consumer}.weight"]))
    policy = Neurons(0.8, FilterNorm())
    told = policy.leaves_alone(net, weights, SHAPE)
    assert any(found[1].producer in line and "not to be pruned" in line for line in told)
    assert "left alone, as channels of one are added to those of another: stem.conv, stages.0.0.conv2" in told[0]
    mask = policy.after(net, weights, Now(1, Clock(1, 1), draw=drawn))
    kept = alive(mask, found)
    assert len(kept[found[1].producer]) == found[1].count
    assert len(kept[found[0].producer]) < found[0].count


def test_what_cannot_be_is_one_sentence_before_anything_is_trained() -> None:
    net = network()
    weights, clock = Mask.dense(prunable(net)), Clock(10, 40)
    with pytest.raises(ValueError, match=r"density 0\.05 is out of reach: one neuron in each of the 3 layers"):
        Neurons(0.05).check_net(net, weights, SHAPE, clock)
    with pytest.raises(ValueError, match="give it max_epochs or max_steps"):
        Neurons(0.5).check_net(net, weights, SHAPE, Clock(10, float("inf")))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    with pytest.raises(ValueError, match="no layer of Sequential has neurons that could be taken out"):
        Neurons(0.5).check_net(flat, Mask.dense(prunable(flat)), SHAPE, clock)
    with pytest.raises(ValueError, match="tolerance is -1"):
        Neurons(0.5, tolerance=-1)
    with pytest.raises(ValueError, match="steps is 0"):
        Neurons(0.5, steps=0)
    Neurons(0.5).check_net(net, weights, SHAPE, clock)
    assert Neurons(0.5, RandomNeurons()).reseeded(3).selection == RandomNeurons(3)
