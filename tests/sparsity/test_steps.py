from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from lth_lightning.sparsity import Batches, Criterion, Global, Magnitude, Mask, Scores, Uniform, count, prunable, prune
from lth_lightning.sparsity import prune_in_steps as steps

BATCHES = [(torch.ones(1, 20), torch.zeros(1, dtype=torch.long))]


class Watched(Criterion):
    """Scores of another order every time; notes under which masks it was asked."""

    def __init__(self) -> None:
        self.asked: list[Mask] = []
        self.batches: list[Batches] = []

    def __call__(self, net: nn.Module, mask: Mask, batches: Batches) -> Scores:
        self.asked.append(mask)
        self.batches.append(batches)
        return {name: self.scores(name) for name in mask}

    def scores(self, name: str) -> Tensor:
        return torch.rand(20, 20, generator=torch.Generator().manual_seed(len(self.asked)))


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 20))


DENSE = Mask.dense(prunable(network()))


@pytest.mark.parametrize("start", [1.0, 0.5])
def test_every_step_keeps_the_same_share_of_what_the_last_one_left_and_is_scored_anew(start: float) -> None:
    watched = Watched()
    within = prune(Watched()(network(), DENSE, ()), start)
    final = steps(network(), start * 0.6**6, watched, Global(), BATCHES, within, 6)
    assert watched.asked[0] == within
    masks = [*watched.asked, final]
    assert len(masks) == 7
    assert [mask.kept for mask in masks] == [count(start * 0.6**k, DENSE.size) for k in range(7)]
    assert all(after.within(before) for before, after in pairwise(masks))
    assert all(batches is BATCHES for batches in watched.batches)


@pytest.mark.parametrize("number", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("density", [0.01, 1 / 3, 0.997, 1.0])
def test_it_ends_at_the_exact_count_under_every_allocation(number: int, density: float) -> None:
    for allocation in (Global(), Uniform()):
        mask = steps(network(), density, Watched(), allocation, (), DENSE, number)
        assert mask.kept == count(density, DENSE.size)


def test_where_scores_stay_the_same_many_steps_come_to_the_same_as_one() -> None:
    net = network()
    masks = [steps(net, 0.07, Magnitude(), Global(), (), DENSE, number) for number in (1, 9)]
    assert masks[0] == masks[1] == prune(Magnitude()(net, DENSE), 0.07)


def test_the_density_that_is_there_already_changes_nothing() -> None:
    within = prune(Magnitude()(network(), DENSE), 0.3)
    assert steps(network(), within.density, Watched(), Global(), (), within, 5) == within


def test_a_density_above_what_is_left_is_refused_by_its_own_name() -> None:
    for start in (0.3, 0.0):
        within = (
            prune(Watched()(network(), DENSE, ()), start) if start else Mask({n: ~kept for n, kept in DENSE.items()})
        )
        with pytest.raises(ValueError, match=r"density 0\.5 asks for 400 weights"):
            steps(network(), 0.5, Watched(), Global(), (), within, 5)


@pytest.mark.parametrize("number", [0, -1])
def test_fewer_than_one_step_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"steps is {number}: a network is pruned in at least one step"):
        steps(network(), 0.5, Watched(), Global(), (), DENSE, number)
