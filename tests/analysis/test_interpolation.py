import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lth_lightning.analysis import interpolate_

State = dict[str, Tensor]
States = Callable[[int], State]


def test_alpha_0_is_the_one_and_1_the_other_exactly(net: nn.Module, state: States) -> None:
    for alpha, end in ((0, state(0)), (1, state(1))):
        interpolate_(net, state(0), state(1), alpha)
        assert all(torch.equal(value, end[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("alpha", [0.1, 1 / 3, 0.5, 0.9])
def test_between_them_it_is_the_weighted_mean_of_weights_and_running_statistics(
    net: nn.Module, state: States, alpha: float
) -> None:
    one, other = state(0), state(1)
    interpolate_(net, one, other, alpha)
    for name, value in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            assert value == 100  # the one's; a count between two is none
        else:
            torch.testing.assert_close(value, (1 - alpha) * one[name] + alpha * other[name])


@pytest.mark.parametrize("alpha", [0.1, 1 / 3, 0.5, 0.9, 1])
def test_a_line_from_a_network_to_itself_does_not_leave_it(net: nn.Module, state: States, alpha: float) -> None:
    interpolate_(net, state(0), state(0), alpha)
    assert all(torch.equal(value, state(0)[name]) for name, value in net.state_dict().items())


def test_what_is_pruned_in_both_stays_zero(net: nn.Module, state: States) -> None:
    one, other = state(0), state(1)
    pruned = torch.rand(one["5.weight"].shape, generator=torch.Generator().manual_seed(0)) < 0.5
    one["5.weight"][pruned] = other["5.weight"][pruned] = 0
    interpolate_(net, one, other, 0.3)
    assert torch.equal(net.get_parameter("5.weight") == 0, pruned)


def test_it_writes_into_the_networks_own_memory_and_leaves_the_ends_alone(net: nn.Module, state: States) -> None:
    one, other = state(0), state(1)
    places = {name: value.data_ptr() for name, value in net.state_dict().items()}
    parameters = list(net.parameters())
    interpolate_(net, one, other, 0.5)
    assert {name: value.data_ptr() for name, value in net.state_dict().items()} == places
    assert all(a is b and a.requires_grad for a, b in zip(net.parameters(), parameters, strict=True))
    for end, seed in ((one, 0), (other, 1)):
        assert all(torch.equal(value, end[name]) for name, value in state(seed).items())


def test_states_of_another_type_are_taken_as_the_networks(net: nn.Module, state: States) -> None:
    interpolate_(net.double(), state(0), state(1), 0.25)
    assert net.get_parameter("5.weight").dtype == torch.float64
    expected = 0.75 * state(0)["5.weight"].double() + 0.25 * state(1)["5.weight"].double()
    torch.testing.assert_close(net.get_parameter("5.weight").detach(), expected, rtol=1e-14, atol=0)


def test_the_networks_own_state_is_refused_since_it_would_be_lost(net: nn.Module, state: States) -> None:
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for ends in ((net.state_dict(), state(1)), (state(0), net.state_dict())):
        with pytest.raises(ValueError, match=r"0\.weight is the network's own tensor, .* clone"):
            interpolate_(net, *ends, alpha=0.5)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("alpha", [-0.2, 1.2])
def test_beyond_its_ends_the_line_goes_on_straight(net: nn.Module, state: States, alpha: float) -> None:
    one, other = state(0), state(1)
    interpolate_(net, one, other, alpha)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, (1 - alpha) * one[name] + alpha * other[name])
        else:
            assert tensor.equal((one if alpha < 1 else other)[name])


@pytest.mark.parametrize("alpha", [-math.inf, math.nan])
def test_a_place_off_the_line_is_refused(net: nn.Module, state: States, alpha: float) -> None:
    with pytest.raises(ValueError, match=f"it cannot be {alpha}"):
        interpolate_(net, state(0), state(1), alpha)


def test_states_of_another_network_are_refused(net: nn.Module, state: States) -> None:
    less = {name: value for name, value in state(0).items() if name != "8.bias"}
    with pytest.raises(ValueError, match=r"a state to be put into it lacks 8\.bias"):
        interpolate_(net, less, state(1), 0.5)
    with pytest.raises(ValueError, match=r"8\.bias has shape \(4,\), but \(5,\)"):
        interpolate_(net, state(0), state(1) | {"8.bias": torch.zeros(5)}, 0.5)
