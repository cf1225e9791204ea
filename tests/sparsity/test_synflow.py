"""SynFlow against sums over paths, and its laws."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from itertools import pairwise, product

import pytest
import torch
from torch import Tensor, nn

from lth_lightning.models import VGG, CIFARResNet, MobileNetV2
from lth_lightning.sparsity import Global, Mask, Scores, SynFlow, generator, prunable, prune, prune_in_steps


def image(*shape: int) -> list[tuple[Tensor, Tensor]]:
    """A batch of which only the shape should matter: the values are not even numbers."""
    return [(torch.full((2, *shape), torch.nan), torch.zeros(2, dtype=torch.long))]


def drawn(net: nn.Module, seed: int = 0, scale: float = 1.0) -> nn.Module:
    draws = generator("test", seed)
    for value in net.parameters():
        nn.init.normal_(value, std=scale, generator=draws)
    return net


def half(net: nn.Module, seed: int = 0, density: float = 0.5) -> Mask:
    weights = prunable(net)
    return prune({n: torch.rand(w.shape, generator=generator(n, seed)) for n, w in weights.items()}, density)


def scores_of(net: nn.Module, mask: Mask, *shape: int) -> Scores:
    return SynFlow()(net, mask, image(*shape))


def sums(scores: Scores) -> Tensor:
    return torch.stack([score.sum() for score in scores.values()])


def chain(*widths: int, bias: bool = True, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs, bias=bias), act()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("act", [nn.ReLU, nn.ReLU6, nn.Tanh, nn.Hardswish, nn.GELU, nn.Softplus])
def test_the_score_of_a_weight_is_the_sum_over_the_paths_through_it(act: type[nn.Module]) -> None:
    net = drawn(chain(3, 4, 2, 3, act=act))
    mask = half(net, density=0.7)
    weights = [(net.get_parameter(name).abs() * mask[name]).double().detach() for name in mask]
    expected = [torch.zeros_like(weight) for weight in weights]
    for path in product(range(3), range(4), range(2), range(3)):
        amount = torch.stack([weight[b, a] for weight, (a, b) in zip(weights, pairwise(path), strict=True)]).prod()
        for total, (a, b) in zip(expected, pairwise(path), strict=True):
            total[b, a] += amount
    scores = scores_of(net, mask, 3)
    unit = sums(scores)[0] / expected[0].sum()
    for score, wanted in zip(scores.values(), expected, strict=True):
        assert wanted.any()
        assert torch.allclose(score, unit * wanted, rtol=1e-12, atol=0)


def test_where_nothing_exceeds_one_the_scores_sum_to_r_itself() -> None:
    net = drawn(chain(3, 4, 2, 3), scale=0.1)
    product_of_all = torch.ones(3, dtype=torch.float64)
    for weight in prunable(net).values():
        product_of_all = weight.abs().double() @ product_of_all
    scores = scores_of(net, Mask.dense(prunable(net)), 3)
    assert torch.allclose(sums(scores), product_of_all.sum().expand(3), rtol=1e-12)


def test_a_convolutions_weights_count_at_every_place_and_batch_norm_scales() -> None:
    net = drawn(
        nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    )
    norm = net.get_submodule("1")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None
    assert norm.running_mean is not None
    norm.running_var.copy_(torch.tensor([0.5, 1.0, 4.0]))
    norm.running_mean.fill_(3.0)
    scores = scores_of(net, Mask.dense(prunable(net)), 2, 4, 4)
    conv, linear = (weight.detach().abs().double() for weight in prunable(net).values())
    scale = (norm.weight.abs() / (norm.running_var + norm.eps).sqrt()).detach().double()
    behind = linear.sum(0).view(3, 4, 4)
    expected = torch.zeros_like(conv)
    for o, i, y, x, u, v in product(range(3), range(2), range(4), range(4), range(3), range(3)):
        if 0 <= y + u - 1 < 4 and 0 <= x + v - 1 < 4:
            expected[o, i, u, v] += conv[o, i, u, v] * scale[o] * behind[o, y, x]
    unit = scores["0.weight"].sum() / expected.sum()
    assert torch.allclose(scores["0.weight"], unit * expected, rtol=1e-6)


NORMS = [nn.BatchNorm2d, partial(nn.BatchNorm2d, track_running_stats=False), partial(nn.GroupNorm, 2)]


@pytest.mark.parametrize("norm", NORMS, ids=["batch", "batch, always its own", "group"])
def test_in_a_chain_the_scores_of_every_layer_have_one_sum_and_those_of_a_unit_come_in_as_they_go_out(
    norm: Callable[[int], nn.Module],
) -> None:
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3),
        norm(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        norm(4),
        nn.ReLU6(),
    ).extend([nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 3)])
    mask = half(drawn(net))
    scores = scores_of(net, mask, 2, 9, 9)
    assert sums(scores)[0] > 0
    assert torch.allclose(sums(scores), sums(scores)[0].expand(4))
    assert torch.allclose(scores["9.weight"].sum(1), scores["11.weight"].sum(0))
    into = scores["0.weight"].sum((1, 2, 3)).view(2, 2).sum(1)
    assert torch.allclose(into, scores["4.weight"].sum((1, 2, 3)).view(2, 2).sum(1))
    assert all(not score[~mask[name]].any() for name, score in scores.items())


class Clipped(nn.Module):
    """ReLU6 by other means, none of which are known to be one."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.minimum(x.clamp(min=0), torch.tensor(6.0))


def test_an_activation_that_saturates_in_any_way_does_not_cut_the_flow() -> None:
    plain = drawn(chain(4, 50, 50, 3))
    mask = half(plain, density=0.2)
    expected = scores_of(plain, mask, 4)
    for act in (nn.ReLU6, Clipped):
        scores = scores_of(drawn(chain(4, 50, 50, 3, act=act)), mask, 4)
        assert prune(scores, 0.05, within=mask) == prune(expected, 0.05, within=mask)


def test_mobilenet_is_ranked_as_if_its_relu6_were_relu() -> None:
    torch.manual_seed(0)
    net = drawn(MobileNetV2(width=0.25))
    mask = half(net, density=0.7)
    clipped = scores_of(net, mask, 3, 8, 8)
    for module in net.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU6):
                setattr(module, name, nn.ReLU())
    scores = scores_of(net, mask, 3, 8, 8)
    assert prune(scores, 0.05, within=mask) == prune(clipped, 0.05, within=mask)
    assert sums(scores)[0] > 0


DEEP = {
    "ResNet-110": (partial(CIFARResNet, 110, width=0.5), 8),
    "VGG-19": (partial(VGG, 19, width=0.25), 32),
    "MobileNet v2": (partial(MobileNetV2, width=0.25), 8),
}


@pytest.mark.parametrize(("build", "size"), DEEP.values(), ids=DEEP)
def test_deep_networks_do_not_overflow(build: partial[nn.Module], size: int) -> None:
    torch.manual_seed(0)
    net = build()
    scores = scores_of(net, Mask.dense(prunable(net)), 3, size, size)
    assert all(bool(score.isfinite().all()) and bool(score.any()) for score in scores.values())
    layers = sums(scores)
    assert float(layers[0]) == pytest.approx(float(layers[-1]))  # every path crosses the stem and the head


def test_in_float32_resnet_110_would_overflow() -> None:
    torch.manual_seed(0)
    net = CIFARResNet(110, width=0.5).eval()
    for value in net.parameters():
        value.data.abs_()
    assert not net(torch.ones(1, 3, 8, 8)).isfinite().any()


def test_a_flow_beyond_float64_is_refused_and_one_below_it_is_not() -> None:
    net = chain(*[8] * 60, bias=False)
    for scale, fits in ((1e4, True), (1e6, False)):  # the whole chain multiplies by about 1e290 or 1e400
        drawn(net, scale=scale)
        if fits:
            scores = scores_of(net, Mask.dense(prunable(net)), 8)
            assert torch.allclose(sums(scores), sums(scores)[0].expand(59))
            assert sums(scores)[0] > 0
        else:
            with pytest.raises(ValueError, match=r"SynFlow cannot score Sequential: .* weights are too large"):
                scores_of(net, Mask.dense(prunable(net)), 8)


class Gated(nn.Module):
    """A gate by squeeze and excitation (Hu et al., 2018, arXiv:1709.01507)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.squeeze, self.excite = nn.Conv2d(3, 4, 3), nn.Linear(4, 2), nn.Linear(2, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).mean((2, 3))
        logits: Tensor = self.head(x * torch.sigmoid(self.excite(torch.relu(self.squeeze(x)))))
        return logits


def test_a_gate_lets_the_flow_through() -> None:
    net = Gated()
    layers = sums(scores_of(net, Mask.dense(prunable(net)), 3, 5, 5))
    assert layers.min() > 0
    assert layers[0] >= layers[3] > 0


def test_attention_is_refused() -> None:
    net = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    with pytest.raises(ValueError, match="a network with attention cannot be read as a linear flow"):
        scores_of(net, Mask.dense(prunable(net)), 3, 4)


def test_what_is_added_on_the_way_does_not_matter() -> None:
    net = drawn(nn.Sequential(OrderedDict(a=nn.Linear(3, 4), norm=nn.BatchNorm1d(4), act=nn.ReLU(), b=nn.Linear(4, 2))))
    mask = Mask.dense(prunable(net))
    expected = scores_of(net, mask, 3)
    for name, value in [*net.named_parameters(), *net.named_buffers()]:
        if name.endswith(("bias", "running_mean")):
            value.data.fill_(100.0)
    assert all(torch.equal(score, expected[name]) for name, score in scores_of(net, mask, 3).items())


def test_in_many_steps_no_layer_is_emptied_while_another_has_weights_to_spare() -> None:
    # theorem 3 of Tanaka et al.; in one step the large layer, whose weights share the flow, goes first
    net = drawn(chain(10, 60, 60, 5))
    dense = Mask.dense(prunable(net))
    density = 12 / dense.size
    once, often = (prune_in_steps(net, density, SynFlow(), Global(), image(10), dense, steps) for steps in (1, 100))
    assert once.kept == often.kept == 12
    assert once.collapsed()
    assert not often.collapsed()
    assert float(sums(scores_of(net, often, 10)).min()) > 0


def test_an_empty_layer_leaves_no_flow_and_no_error() -> None:
    net = drawn(chain(3, 4, 2))
    mask = Mask({"0.weight": torch.zeros(4, 3, dtype=torch.bool), "2.weight": torch.ones(2, 4, dtype=torch.bool)})
    assert not sums(scores_of(net, mask, 3)).any()
