import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lth_lightning.analysis import distance, place_, plane_through

State = dict[str, Tensor]
States = Callable[[int], State]


def parameters(net: nn.Module, state: State) -> State:
    return {name: state[name] for name, _ in net.named_parameters()}


def vector(net: nn.Module, state: State) -> Tensor:
    return torch.cat([value.flatten() for value in parameters(net, state).values()]).double()


def test_at_their_coordinates_the_plane_has_the_three_networks_exactly(net: nn.Module, state: States) -> None:
    states = [state(seed) for seed in range(3)]
    plane = plane_through(net, *states)
    for own, (x, y) in zip(states, plane.coordinates, strict=True):
        place_(net, plane, x, y)
        assert all(torch.equal(value, own[name]) for name, value in net.state_dict().items())


def test_distances_in_the_plane_are_those_of_the_networks_parameters(net: nn.Module, state: States) -> None:
    states = [state(seed) for seed in range(3)]
    points = plane_through(net, *states).coordinates
    for i, j in ((0, 1), (0, 2), (1, 2)):
        apart = distance(parameters(net, states[i]), parameters(net, states[j]), "euclidean")
        assert math.dist(points[i], points[j]) == pytest.approx(apart, rel=1e-12)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 0), (0, 1), (-2.5, 0.7), (3, -4)])
def test_a_point_is_so_far_along_axes_that_are_orthonormal(net: nn.Module, state: States, x: float, y: float) -> None:
    origin, other, third = (vector(net, state(seed)) for seed in range(3))
    axes, _ = torch.linalg.qr(torch.stack([other - origin, third - origin], 1))
    axes = axes * torch.stack([axes[:, 0] @ (other - origin), axes[:, 1] @ (third - origin)]).sign()
    place_(net, plane_through(net, state(0), state(1), state(2)), x, y)
    found = vector(net, net.state_dict())
    torch.testing.assert_close(found, origin + axes @ torch.tensor([x, y], dtype=torch.float64), rtol=1e-5, atol=1e-5)


def test_buffers_are_combined_too_and_counts_are_the_first_networks(net: nn.Module, state: States) -> None:
    plane = plane_through(net, state(0), state(1), state(2))
    (_, _), (a, _), (b, c) = plane.coordinates
    place_(net, plane, (a + b) / 3, c / 3)  # the middle of the triangle
    mean = torch.stack([state(seed)["1.running_var"] for seed in range(3)]).mean(0)
    torch.testing.assert_close(net.get_buffer("1.running_var"), mean)
    assert net.get_buffer("1.num_batches_tracked") == 100


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0, -2.0])
def test_networks_on_a_line_have_no_plane(net: nn.Module, state: States, share: float) -> None:
    one, other = state(0), state(1)
    between = {name: torch.lerp(value.double(), other[name].double(), share).to(value) for name, value in one.items()}
    with pytest.raises(ValueError, match=r"three on a line have no plane|equals the second or third"):
        plane_through(net, one, other, between)
    with pytest.raises(ValueError, match=r"three on a line have no plane|equals the second or third"):
        plane_through(net, one, between, other)


def test_a_third_network_close_to_the_line_still_has_one(net: nn.Module, state: States) -> None:
    off = {name: value + 1e-3 * state(2)[name] for name, value in state(1).items()}
    _, _, (_, y) = plane_through(net, state(0), state(1), off).coordinates
    assert 0 < y < 1e-3 * float(vector(net, state(2)).norm())


def test_a_point_that_is_none_or_a_network_of_another_kind_is_refused(net: nn.Module, state: States) -> None:
    plane = plane_through(net, state(0), state(1), state(2))
    with pytest.raises(ValueError, match=r"two finite coordinates, not \(nan, 0\)"):
        place_(net, plane, math.nan, 0)
    with pytest.raises(ValueError, match="a state of the plane lacks"):
        plane_through(net, state(0), state(1), {})
    own = plane_through(net, state(0), net.state_dict(), state(2))
    with pytest.raises(ValueError, match="the network's own tensor"):
        place_(net, own, 0, 0)
