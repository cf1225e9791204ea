"""What a mask leaves of the graph, against a search of it and against changing one weight after another."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lth_lightning.models import VGG, CIFARResNet, MobileNetV2
from lth_lightning.sparsity import LayerDiagnosis, Mask, Random, diagnose, generator, on_a_path, prunable, prune


def half(net: nn.Module, seed: int, density: float) -> Mask:
    return prune(Random(seed)(net, Mask.dense(prunable(net))), density)


def chain(widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-2])


@st.composite
def masked_chains(draw: st.DrawFn) -> tuple[nn.Sequential, Mask]:
    net = chain(draw(st.lists(st.integers(1, 5), min_size=2, max_size=5)))
    share, draws = draw(st.floats(0, 1)), generator("test", draw(st.integers(0, 10_000)))
    return net, Mask({name: torch.rand(w.shape, generator=draws) < share for name, w in prunable(net).items()})


@settings(max_examples=100)
@given(masked_chains())
def test_in_a_chain_it_finds_what_a_search_of_the_graph_finds(case: tuple[nn.Sequential, Mask]) -> None:
    net, mask = case
    layers = [{(b, a) for b, a in kept.nonzero().tolist()} for kept in mask.values()]
    from_input = [set(range(next(iter(mask.values())).shape[1]))]
    for edges in layers:
        from_input.append({b for b, a in edges if a in from_input[-1]})
    to_output = [set(range(list(mask.values())[-1].shape[0]))]
    for edges in reversed(layers):
        to_output.insert(0, {a for b, a in edges if b in to_output[0]})
    shape = (len(from_input[0]),)
    found, effective = diagnose(net, mask, shape), on_a_path(net, mask, shape)
    total = 0
    for index, (name, edges) in enumerate(zip(mask, layers, strict=True)):
        on_path = {(b, a) for b, a in edges if a in from_input[index] and b in to_output[index + 1]}
        assert {(b, a) for b, a in effective[name].nonzero().tolist()} == on_path
        units, fed, live = mask[name].shape[0], {b for b, _ in edges}, {b for b, _ in on_path}
        assert found.layers[name] == LayerDiagnosis(
            size=mask[name].numel(),
            kept=len(edges),
            effective=len(on_path),
            units=units,
            dead=units - len(fed),
            disconnected=len(fed - live),
        )
        total += len(on_path)
    assert found.density == mask.density
    assert found.effective_density == total / mask.size
    assert found.collapsed == (list(mask) if total == 0 else [])


class Residual(nn.Module):
    """Skips with and without parameters, depthwise, grouped and strided convolutions, max pooling, a shared layer."""

    def __init__(self, skip: str) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 4, 3, 2, padding=1), nn.BatchNorm2d(4)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.deep, self.wide = nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 6, 1, groups=2)
        self.skip = nn.Conv2d(4, 6, 1) if skip == "projection" else None
        self.pad = skip == "padding"
        self.up = nn.ConvTranspose2d(6, 4, 2, groups=2)
        self.twice = nn.Conv2d(4, 4, 1, bias=False)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu6(self.norm(self.stem(x))))
        out = self.wide(F.relu(self.deep(x)))
        if self.skip is not None:
            out = out + self.skip(x)
        elif self.pad:
            out = out + F.pad(x, (0, 0, 0, 0, 0, 2))
        out = F.max_pool2d(self.twice(F.relu(self.twice(F.gelu(self.up(out))))), 2)
        logits: Tensor = self.head(F.adaptive_max_pool2d(out, 1).flatten(1))
        return logits


class Positive(nn.Module):
    """The same network, of positive weights and without whatever is not linear, written out a second time."""

    def __init__(self, net: Residual, mask: Mask) -> None:
        super().__init__()
        self.net = net.double()
        draws = generator("test", 1)
        with torch.no_grad():
            for name, value in self.net.named_parameters():
                value.copy_(torch.rand(value.shape, generator=draws, dtype=torch.float64) + 0.5)
                if name.endswith("bias"):
                    value.zero_()
        mask.apply(prunable(net))

    def forward(self, x: Tensor) -> Tensor:
        net = self.net
        x = F.avg_pool2d(net.stem(x), 3, 2, 1)
        out = net.wide(net.deep(x))
        if net.skip is not None:
            out = out + net.skip(x)
        elif net.pad:
            out = out + torch.cat([x, torch.zeros_like(x[:, :2])], 1)
        logits: Tensor = net.head(F.avg_pool2d(net.twice(net.twice(net.up(out))), 2).mean((2, 3)))
        return logits


@pytest.mark.parametrize("skip", ["projection", "padding", "none"])
@pytest.mark.parametrize("density", [0.15, 0.4, 1.0])
def test_a_weight_is_on_a_path_when_changing_it_changes_the_output(skip: str, density: float) -> None:
    for seed in range(3):
        net = Residual(skip)
        mask = half(net, seed, density)
        found, layers = on_a_path(net, mask, (2, 5, 5)), diagnose(net, mask, (2, 5, 5)).layers
        twin, x = Positive(net, mask), torch.rand(1, 2, 5, 5).double() + 1
        with torch.no_grad():
            before = twin(x)
            for name, weight in prunable(net).items():
                flat = weight.view(-1)
                for index in mask[name].flatten().nonzero().flatten().tolist():
                    kept = flat[index].clone()
                    flat[index] += 0.5
                    changed = bool((twin(x) - before).abs().max() > 1e-12)
                    flat[index] = kept
                    assert bool(found[name].flatten()[index]) == changed, (name, index)
        assert {name: layer.effective for name, layer in layers.items()} == {
            n: k for n, (k, _) in found.layers().items()
        }
        assert found.within(mask)
        assert (skip == "none") or density < 0.4 or found.kept > 0


def test_units_are_the_output_channels_of_transposed_and_grouped_convolutions_too() -> None:
    net = nn.Sequential(nn.ConvTranspose2d(4, 6, 2, groups=2), nn.Conv2d(6, 4, 1, groups=2))
    mask = Mask.dense(prunable(net))
    up, down = mask["0.weight"].clone(), mask["1.weight"].clone()
    up[2:, 1] = False  # the second group's second output: channel 4
    up[:2, 0] = False
    up[0, 0, 0, 0] = True  # of channel 0 a single weight is left
    down[:2, 2] = False  # nothing goes on from channel 2, of the first group
    layers = diagnose(net, Mask({"0.weight": up, "1.weight": down}), (4, 3, 3)).layers
    assert layers["0.weight"] == LayerDiagnosis(size=48, kept=33, effective=25, units=6, dead=1, disconnected=1)
    assert layers["1.weight"] == LayerDiagnosis(size=12, kept=10, effective=8, units=4, dead=0, disconnected=0)


def test_a_skip_connection_leads_past_an_emptied_layer() -> None:
    torch.manual_seed(0)
    for residual in (True, False):
        net = CIFARResNet(8, width=0.25, residual=residual, shortcut="parameter_free")
        mask = dict(Mask.dense(prunable(net)))
        mask["stages.0.0.conv2.weight"] = torch.zeros_like(mask["stages.0.0.conv2.weight"])
        found = diagnose(net, Mask(mask), (3, 8, 8))
        if residual:
            assert found.collapsed == ["stages.0.0.conv1.weight", "stages.0.0.conv2.weight"]
            assert found.layers["stages.0.0.conv1.weight"].disconnected == 4
        else:
            assert found.collapsed == list(mask)
        assert found.layers["stages.0.0.conv2.weight"].dead == 4


@pytest.mark.parametrize(
    "between", [nn.Softplus, nn.Hardswish, nn.Tanh, nn.GELU, partial(nn.LayerNorm, 5), nn.Identity], ids=str
)
def test_what_stands_between_the_layers_does_not_matter(between: Callable[[], nn.Module]) -> None:
    plain = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 3))
    other = nn.Sequential(nn.Linear(4, 5), between(), nn.Linear(5, 5), between(), nn.Linear(5, 3))
    for seed in range(5):
        mask = half(plain, seed, 0.3)
        found = diagnose(plain, mask, (4,))
        assert 0 < found.effective_density < found.density
        assert diagnose(other, mask, (4,)) == found


@pytest.mark.parametrize(("width", "edges"), [(20, 16), (50, 1)], ids=["many paths", "one path"])
def test_however_deep_the_network_no_path_is_lost_to_overflow(width: int, edges: int) -> None:
    net = nn.Sequential(*[nn.Linear(width, width, bias=False) for _ in range(300)])  # 16 ** 300 paths
    layer = torch.zeros(width, width, dtype=torch.bool)
    layer[:edges, :edges] = True
    mask = Mask(dict.fromkeys(prunable(net), layer))
    assert on_a_path(net, mask, (width,)) == mask


def test_a_gate_without_input_does_not_cut_the_path_that_it_gates() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.gate, self.head = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            logits: Tensor = self.head(torch.sigmoid(self.gate(x)) * x)
            return logits

    net = Gated()
    mask = dict(Mask.dense(prunable(net)))
    assert diagnose(net, Mask(mask), (3,)).effective_density == 1
    mask["gate.weight"] = torch.zeros(4, 4, dtype=torch.bool)
    assert diagnose(net, Mask(mask), (3,)).collapsed == ["gate.weight"]


def test_the_weights_of_the_network_do_not_matter() -> None:
    net = chain([4, 5, 3])
    mask = half(net, 0, 0.6)
    expected = diagnose(net, mask, (4,))
    with torch.no_grad():
        for value in [*net.parameters(), *net.buffers()]:
            value.zero_()
    assert diagnose(net, mask, (4,)) == expected


def test_the_network_and_the_random_state_are_left_as_they_were() -> None:
    net = Residual("projection")
    mask = half(net, 0, 0.5)
    net.pool.eval()
    before = [value.clone() for value in net.state_dict().values()]
    state, modes = torch.get_rng_state(), [module.training for module in net.modules()]
    with torch.no_grad():
        diagnose(net, mask, (2, 5, 5))
    assert all(torch.equal(one, other) for one, other in zip(before, net.state_dict().values(), strict=True))
    assert all(value.grad is None and value.requires_grad for value in net.parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in net.modules()] == modes


@pytest.mark.parametrize(
    ("build", "size"),
    [
        (partial(CIFARResNet, 110, width=0.5), 8),
        (partial(VGG, 19, width=0.25), 32),
        (partial(MobileNetV2, width=0.25), 16),
    ],
    ids=["ResNet-110", "VGG-19", "MobileNet v2"],
)
def test_in_deep_networks_every_weight_of_a_dense_mask_is_on_a_path(build: partial[nn.Module], size: int) -> None:
    net = build()
    found = diagnose(net, Mask.dense(prunable(net)), (3, size, size))
    assert found.effective_density == 1
    assert found.collapsed == []
    sparse = diagnose(net, half(net, 0, 0.05), (3, size, size))
    assert 0 <= sparse.effective_density < sparse.density == pytest.approx(0.05, abs=1e-5)


def test_a_kernel_that_meets_padding_only_is_on_a_path_with_its_middle() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1))
    mask = Mask.dense(prunable(net))
    assert on_a_path(net, mask, (1, 1, 1))["0.weight"].flatten().nonzero().tolist() == [[4]]
    assert on_a_path(net, mask, (1, 2, 2)) == mask


def test_layers_outside_the_mask_count_as_dense() -> None:
    net = chain([3, 4, 2])
    with torch.no_grad():
        net[3].weight.zero_()
    assert diagnose(net, Mask.dense(prunable(net, exclude=["3.*"])), (3,)).effective_density == 1


def test_dilated_max_pooling_is_refused_in_a_sentence() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2, dilation=2))
    with pytest.raises(ValueError, match="max pooling with dilation 2 are not followed"):
        diagnose(net, Mask.dense(prunable(net)), (1, 4, 4))
