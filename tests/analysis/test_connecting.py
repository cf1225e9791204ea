"""Curves between networks: closed forms where the loss is quadratic, laws elsewhere."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from lth_lightning.analysis import Bent, Kind, along, alphas, barrier, bend_, connect, estimate_, evaluate, on_path
from lth_lightning.analysis.bent import shares

State = dict[str, Tensor]
States = Callable[[int], State]
Examples = list[tuple[Tensor, Tensor]]
KINDS: tuple[Kind, ...] = ("bezier", "polygonal")


@pytest.fixture
def dry(net: nn.Module) -> nn.Module:
    """The network without dropout, so that its gradient is a function of the examples."""
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return net


def quadratic(one: Tensor, other: Tensor, low: Tensor, steps: int, **options: object) -> Tensor:
    """The bend for a network that is a point, and of which the loss is the squared distance to another, `low`."""
    net = nn.Linear(1, len(low), bias=False)
    ends = [{"weight": end[:, None]} for end in (one, other)]
    batches = [(torch.ones(1, 1), low[None])] * steps
    return connect(net, *ends, batches, epochs=6, lr=0.03, loss=mse_loss, **options).bend["weight"][:, 0]  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_quadratic_loss_the_bend_is_that_of_the_closed_form(kind: Kind) -> None:
    one, other, low = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.5]), torch.tensor([0.3, 2.0])
    # where the derivative of E |s0 one + s1 bend + s2 other - low|^2 is zero, with integrals over t of s1, s1^2, s0 s1
    expected = 2.5 * low - 0.75 * (one + other) if kind == "bezier" else 1.5 * low - 0.25 * (one + other)
    bend = quadratic(one, other, low, 120, kind=kind)
    torch.testing.assert_close(bend, expected, atol=0.15, rtol=0)

    def loss(middle: Tensor) -> float:
        places = [shares(kind, t) for t in alphas(101)]
        return sum(float(mse_loss(a * one + b * middle + c * other, low)) for a, b, c in places) / len(places)

    assert loss(bend) < 0.5 * loss((one + other) / 2)  # of which the curve is the line


@pytest.mark.parametrize("kind", KINDS)
def test_at_its_ends_a_curve_is_exactly_the_two_networks_and_at_the_bend_as_its_kind_says(
    net: nn.Module, state: States, kind: Kind
) -> None:
    curve = Bent(state(0), state(2), state(1), kind)
    for t, seed in ((0, 0), (1, 1)):
        bend_(net, curve, t)
        assert all(torch.equal(value, state(seed)[name]) for name, value in net.state_dict().items())
    bend_(net, curve, 0.5)
    middle = state(2)["8.bias"]
    if kind == "bezier":
        middle = middle / 2 + (state(0)["8.bias"] + state(1)["8.bias"]) / 4
    torch.testing.assert_close(net.get_parameter("8.bias").data, middle)


def permuted() -> tuple[nn.Module, State, State, Examples]:
    """A trained network of one hidden layer, the same with its units in another order, and what it was trained on."""
    torch.manual_seed(0)
    images = torch.randn(256, 2)
    labels = (images[:, 0] * images[:, 1] > 0).long()
    net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    for _ in range(150):
        optimizer.zero_grad()
        cross_entropy(net(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    one = {name: value.clone() for name, value in net.state_dict().items()}
    order = torch.randperm(16)
    other = {name: value[:, order] if name == "2.weight" else value for name, value in one.items()}
    other |= {name: one[name][order] for name in ("0.weight", "0.bias")}
    return net, one, other, list(zip(images.split(32), labels.split(32), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_between_permuted_copies_the_line_has_a_barrier_and_the_curve_a_much_lower_one(kind: Kind) -> None:
    net, one, other, batches = permuted()
    line = along(net, one, other, alphas(21), batches, "interpolated")
    curve = connect(net, one, other, batches, kind=kind, epochs=25, lr=0.1)
    found = on_path(net, lambda t: bend_(net, curve, t), alphas(21), batches, "interpolated")
    for of_line, of_curve in ((line.error, found.error), (line.loss, found.loss)):
        over = barrier(of_line, (of_line[0], of_line[-1]))
        assert over > 0.1
        assert barrier(of_curve, (of_curve[0], of_curve[-1])) < 0.35 * over


def test_what_neither_end_keeps_stays_zero_and_what_either_keeps_may_move(
    dry: nn.Module, state: States, batches: Examples
) -> None:
    draws = torch.Generator().manual_seed(0)
    names = ("0.weight", "5.weight")
    masks = [{name: torch.rand(state(0)[name].shape, generator=draws) < 0.4 for name in names} for _ in range(2)]
    ends = [
        {name: value * mask.get(name, 1) if value.is_floating_point() else value for name, value in state(seed).items()}
        for seed, mask in enumerate(masks)
    ]
    curve = connect(dry, *ends, batches, epochs=3, lr=0.1, masks=(masks[0], masks[1]))
    for name in names:
        either = masks[0][name] | masks[1][name]
        moved = curve.bend[name] - torch.lerp(ends[0][name], ends[1][name], 0.5)
        assert not curve.bend[name][~either].any()
        assert moved[either].count_nonzero() > 0.8 * either.sum()
        bend_(dry, curve, 0.3)
        assert not dry.get_parameter(name)[~either].any()
    dense = connect(dry, *ends, batches, epochs=3, lr=0.1, masks=(masks[0], None))
    assert dense.bend["0.weight"].count_nonzero() == dense.bend["0.weight"].numel()


def test_between_equal_networks_at_a_minimum_the_curve_stays() -> None:
    low = torch.tensor([0.3, 2.0])
    assert quadratic(low, low, low, 3).tolist() == low.tolist()


def test_the_same_seed_gives_the_same_bend_and_the_network_is_left_as_it_was(
    net: nn.Module, state: States, batches: Examples
) -> None:
    before = {name: value.clone() for name, value in net.state_dict().items()}
    mode, random = [module.training for module in net.modules()], torch.get_rng_state()
    found = [connect(net, state(0), state(1), batches, epochs=2, seed=seed).bend for seed in (3, 3, 4)]
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not torch.equal(found[0]["0.weight"], found[2]["0.weight"])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [module.training for module in net.modules()] == mode
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_step_is_down_the_gradient_of_the_curve_by_the_statistics_of_the_batch(
    dry: nn.Module, state: States, batches: Examples
) -> None:
    curve = connect(dry, state(0), state(1), batches[:1], epochs=1, lr=0.1, seed=5)
    t = float(torch.rand((), generator=torch.Generator().manual_seed(5)))
    middle = {name: torch.lerp(state(0)[name], state(1)[name], 0.5) for name, _ in dry.named_parameters()}
    dry.load_state_dict(state(0))
    with torch.no_grad():
        for name, own in dry.named_parameters():
            own.copy_((1 - t) ** 2 * state(0)[name] + 2 * t * (1 - t) * middle[name] + t**2 * state(1)[name])
    dry.train()
    cross_entropy(dry(batches[0][0]), batches[0][1]).backward()  # type: ignore[no-untyped-call]
    for name, own in dry.named_parameters():
        assert own.grad is not None
        torch.testing.assert_close(curve.bend[name], middle[name] - 0.1 * 2 * t * (1 - t) * own.grad)


def test_tied_weights_stay_tied() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    ends = [{name: value + shift for name, value in net.state_dict().items()} for shift in (1.0, 2.0)]
    curve = connect(net, *ends, [(torch.randn(8, 3), torch.arange(8) % 3)], lr=0.5)
    assert curve.bend["0.weight"].data_ptr() == curve.bend["1.weight"].data_ptr()
    assert not torch.equal(curve.bend["0.weight"], torch.lerp(ends[0]["0.weight"], ends[1]["0.weight"], 0.5))


def test_a_curve_is_evaluated_by_statistics_estimated_on_it(net: nn.Module, state: States, batches: Examples) -> None:
    curve = Bent(state(0), state(2), state(1), "bezier")
    found = on_path(net, lambda t: bend_(net, curve, t), [0.4], batches, "estimated", batches[:2])
    bend_(net, curve, 0.4)
    estimate_(net, batches[:2])
    assert found.loss == (evaluate(net, batches).loss,)


def test_what_cannot_be_connected_is_refused(net: nn.Module, state: States, batches: Examples) -> None:
    ends = (state(0), state(1))
    with pytest.raises(ValueError, match="a curve is one of bezier, polygonal, not 'spline'"):
        connect(net, *ends, batches, kind="spline")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"at least 1 epoch by a rate above 0, not 0 epochs by 0\.03"):
        connect(net, *ends, batches, epochs=0)
    with pytest.raises(ValueError, match="no batches to train the curve on"):
        connect(net, *ends, iter(batches), epochs=2)
    with pytest.raises(ValueError, match="an end of the curve lacks"):
        connect(net, state(0), {}, batches)
    with pytest.raises(ValueError, match=r"has diverged at a learning rate of 1e\+30: take a lower lr"):
        connect(net, *ends, batches * 3, lr=1e30)
    with pytest.raises(ValueError, match="t is a place on the curve"):
        bend_(net, Bent(*ends, state(2), "bezier"), 1.5)
