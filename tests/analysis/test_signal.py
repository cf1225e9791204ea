"""What networks make of noise, where that can be told beforehand."""

from math import sqrt

import pytest
import torch
from torch import nn

from lth_lightning.analysis import logit_deviation
from lth_lightning.sparsity import Mask, Random, SparseFanIn, Uniform, generator, prunable, prune


def test_a_sum_of_independent_inputs_has_the_root_of_their_squared_weights() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 1))
    expected = float(net[1].weight.detach().norm())  # whatever the bias
    assert logit_deviation(net, (3, 2, 2), generator("test"), 20_000) == pytest.approx(expected, rel=0.03)


def test_it_is_over_images_and_classes_together() -> None:
    net = nn.Linear(4, 2)
    with torch.no_grad():
        net.weight.zero_()
        net.bias.copy_(torch.tensor([1.0, 4.0]))
    assert logit_deviation(net, (4,), generator("test"), 7) == 1.5


def test_the_network_and_the_random_state_stay_as_they_were_and_norms_use_the_batch() -> None:
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4, eps=1e-12), nn.Dropout(0.9), nn.Flatten())
    state, draws = {name: value.clone() for name, value in net.state_dict().items()}, torch.get_rng_state()
    assert logit_deviation(net, (2, 3, 3), generator("test")) == pytest.approx(1, abs=1e-6)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(draws, torch.get_rng_state())
    assert net[2].training


@pytest.mark.parametrize("density", [1.0, 0.3, 0.1])
def test_the_sparse_initialisation_keeps_the_signal_of_a_relu_network_at_every_density(density: float) -> None:
    """With variance 2 / n into every unit the second moment of what comes out of it is that of two inputs: He's law."""
    found = []
    for seed in range(4):
        net = nn.Sequential(*(layer for _ in range(5) for layer in (nn.Linear(300, 300, bias=False), nn.ReLU())))[:-1]
        mask = prune(Random(seed)(net, Mask.dense(prunable(net))), density, Uniform())
        SparseFanIn()(net, mask, seed)
        found.append(logit_deviation(net, (300,), generator("test", seed), 200))
    assert sum(found) / 4 == pytest.approx(sqrt(2), rel=0.1)
