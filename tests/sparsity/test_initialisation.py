"""What kept weights are drawn from, by sampling, and for one weight after another."""

from math import sqrt

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from lth_lightning.models import LeNet5
from lth_lightning.sparsity import (
    Initialisation,
    LayerScaled,
    Mask,
    Random,
    SparseFanIn,
    generator,
    prunable,
    prune,
)

LAYERS = {
    "linear": nn.Linear(40, 6),
    "convolution": nn.Conv2d(8, 6, 3),
    "grouped": nn.Conv2d(8, 6, 3, groups=2),
    "depthwise": nn.Conv2d(6, 6, 5, groups=6),
    "transposed": nn.ConvTranspose2d(8, 6, 3),
    "grouped and transposed": nn.ConvTranspose2d(8, 6, 3, groups=2),
}


def influences(layer: nn.Module, kept: Tensor) -> list[Tensor]:
    """For each unit which kept weights its output depends on, found by differentiating it."""
    image = torch.ones(2, 40) if isinstance(layer, nn.Linear) else torch.ones(1, layer.in_channels, 12, 12)
    weight = layer.weight.detach().abs().add(1).requires_grad_()
    out = torch.func.functional_call(layer, {"weight": weight * kept}, (image,))
    units = out.transpose(0, 1).flatten(1).sum(1)
    return [(torch.autograd.grad(unit, weight, retain_graph=True)[0] != 0) & kept for unit in units]


def heterogeneous(layer: nn.Module) -> Tensor:
    """A mask whose units keep different shares of their incoming weights, the first none."""
    every = influences(layer, torch.ones_like(layer.weight, dtype=torch.bool))
    draws = torch.rand(layer.weight.shape, generator=generator("test"))
    kept = torch.zeros_like(layer.weight, dtype=torch.bool)
    for number, own in enumerate(every):
        kept |= own & (draws < number / len(every))
    return kept


@pytest.mark.parametrize("scale", [2.0, 1.0])
@pytest.mark.parametrize("kind", LAYERS)
def test_the_variance_of_every_unit_is_the_scale_over_its_own_number_of_kept_weights(kind: str, scale: float) -> None:
    layer = LAYERS[kind]
    kept = heterogeneous(layer)
    own = influences(layer, kept)
    fans = [int(unit.sum()) for unit in own]
    assert fans[0] == 0
    assert len(set(fans)) > 3
    drawn: list[list[Tensor]] = [[] for _ in own]
    for seed in range(200):
        SparseFanIn(scale)(layer, Mask({"weight": kept}), seed)
        assert bool((layer.weight[~kept] == 0).all())
        for values, unit in zip(drawn, own, strict=True):
            values.append(layer.weight.detach()[unit])
    for values, fan in zip(drawn[1:], fans[1:], strict=True):
        sample = torch.cat(values).double()
        sum_of_squares = float((sample**2).sum()) / (scale / fan)
        low, high = stats.chi2.ppf([1e-5, 1 - 1e-5], len(sample))
        assert low < sum_of_squares < high
        assert stats.kstest(sample.numpy(), "norm", args=(0, sqrt(scale / fan))).pvalue > 1e-5


def test_a_dense_mask_gives_the_initialisation_of_he() -> None:
    torch.manual_seed(0)
    net = LeNet5(init="kaiming_fan_in")
    before = {name: weight.detach().clone() for name, weight in prunable(net).items()}
    SparseFanIn()(net, Mask.dense(prunable(net)), 0)
    for name, weight in prunable(net).items():
        assert not torch.equal(weight, before[name])
        assert stats.ks_2samp(weight.detach().flatten().numpy(), before[name].flatten().numpy()).pvalue > 1e-4


def test_a_layers_own_weights_are_divided_by_the_root_of_its_density() -> None:
    net = nn.Sequential(nn.Linear(4, 2, bias=True), nn.Linear(2, 2))
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    first = torch.tensor([[True, False, False, False], [True, False, False, False]])
    LayerScaled()(net, Mask({"0.weight": first, "1.weight": torch.zeros(2, 2, dtype=torch.bool)}), 0)
    assert net[0].weight.tolist() == (before["0.weight"] * 2 * first).tolist()
    assert net[1].weight.tolist() == [[0, 0], [0, 0]]
    dense = {name: value.detach().clone() for name, value in net.named_parameters()}
    LayerScaled()(net, Mask.dense(prunable(net)), 0)
    assert all(torch.equal(value, dense[name]) for name, value in net.named_parameters())


@pytest.mark.parametrize("initialise", [SparseFanIn(), LayerScaled()])
def test_it_is_a_function_of_seed_and_name_and_touches_the_masks_weights_alone(initialise: Initialisation) -> None:
    def made(seed: int, *names: str) -> nn.Module:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 12), nn.Linear(12, 3))
        weights = prunable(net, include=names) if names else prunable(net)
        state, draw = torch.get_rng_state(), net.state_dict().copy()
        untouched = {name: value.clone() for name, value in draw.items() if name not in weights}
        initialise(net, prune(Random(1)(net, Mask.dense(weights)), 0.4), seed)
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(net.state_dict()[name], value) for name, value in untouched.items())
        return net

    one, same, other, part = made(1), made(1), made(2), made(1, "3.*")
    for name, weight in prunable(one).items():
        assert torch.equal(weight, same.get_parameter(name))
        assert torch.equal(weight, other.get_parameter(name)) == isinstance(initialise, LayerScaled)
    if isinstance(initialise, SparseFanIn):  # whichever other layers there are
        both = (part[3].weight != 0) & (one[3].weight != 0)
        fan = {net: (net[3].weight != 0).sum(1, keepdim=True).sqrt() for net in (one, part)}
        assert torch.allclose((one[3].weight * fan[one])[both], (part[3].weight * fan[part])[both])


def test_the_draws_of_layers_differ_and_have_the_weights_own_type() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)).to(torch.bfloat16)
    SparseFanIn()(net, Mask.dense(prunable(net)), 0)
    assert net[0].weight.dtype == torch.bfloat16
    assert not torch.equal(net[0].weight, net[1].weight)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan")])
def test_a_scale_that_is_no_positive_number_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match=rf"a positive number such as 2, not {scale}"):
        SparseFanIn(scale)


def test_a_mask_of_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="it belongs to another network"):
        SparseFanIn()(nn.Linear(3, 2), Mask({"weight": torch.ones(2, 2, dtype=torch.bool)}), 0)
