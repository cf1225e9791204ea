"""Other ways to choose neurons: what they say by their definitions."""

from copy import deepcopy
from itertools import islice

import pytest
import torch
from torch.nn.functional import cross_entropy

from lth_lightning.models import VGG, LeNet5
from lth_lightning.sparsity.neurons import best, by_chance, by_norm, by_scale, fold_, forward_selection, groups


def test_scores_are_norms_scales_or_chance_and_the_best_stay_as_they_are() -> None:
    net = VGG(11, width=0.05)
    group = groups(net, (3, 32, 32))[0][1]
    layer, norm = net.stages[1][0].conv, net.stages[1][0].bn
    torch.nn.init.normal_(norm.weight)
    assert group.norm == "stages.1.0.bn"
    torch.testing.assert_close(by_norm(net, group), layer.weight.abs().sum((1, 2, 3)).double())
    torch.testing.assert_close(by_scale(net, group), norm.weight.abs().double())
    assert by_chance(group, 1).equal(by_chance(group, 1))
    assert not by_chance(group, 1).equal(by_chance(group, 2))
    assert best(torch.tensor([1.0, 3.0, 3.0, 2.0]), 2).tolist() == [0, 0.25, 0.25, 0]
    before = deepcopy(net.state_dict())
    fold_(net, group, best(by_norm(net, group), group.count))
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(tensor, before[name], msg="all as they are is the network itself")


def test_forward_selection_adds_the_one_with_the_least_loss_of_uniform_weights() -> None:
    torch.manual_seed(0)
    net = LeNet5(size=16, width=0.5).eval()
    group = groups(net, (1, 16, 16))[0][1]
    batches = [(torch.randn(20, 1, 16, 16), torch.randint(0, 10, (20,))) for _ in range(3)]
    chosen: list[int] = []
    for (images, labels), step in zip(batches, forward_selection(net, group, batches), strict=True):
        losses = {}
        for i in set(range(group.count)) - {*chosen}:
            tried = deepcopy(net)
            a = torch.zeros(group.count)
            a[[*chosen, i]] = 1 / (len(chosen) + 1)
            fold_(tried, group, a)
            losses[i] = cross_entropy(tried(images), labels).item()
        assert step.chosen == min(losses, key=lambda i: losses[i])
        assert step.discrepancy == pytest.approx(losses[step.chosen], rel=1e-5)
        chosen.append(step.chosen)
        assert step.kept == sorted(chosen)
        assert float(step.coefficients.sum()) == pytest.approx(1)


def test_forward_selection_looks_at_few_and_ends_when_all_are_chosen() -> None:
    net = LeNet5(size=16, width=0.5)
    group = groups(net, (1, 16, 16))[0][1]
    batch = (torch.randn(4, 1, 16, 16), torch.zeros(4, dtype=torch.long))
    steps = list(forward_selection(net, group, [batch] * 99, candidates=2, seed=1))
    assert len(steps) == group.count
    again = list(islice(forward_selection(net, group, [batch] * 99, candidates=2, seed=1), 3))
    assert [step.chosen for step in again] == [step.chosen for step in steps[:3]]


def test_what_cannot_be_is_one_sentence() -> None:
    net = LeNet5(size=16)
    group = groups(net, (1, 16, 16))[0][1]
    with pytest.raises(ValueError, match="conv2 has no batch norm with a scale"):
        by_scale(net, group)
    with pytest.raises(ValueError, match="width is 17: of 16 neurons keep 1 to 16"):
        best(by_norm(net, group), 17)
