"""The plane through three networks, for a picture of the loss around them: `plane_through` and `place_`."""

import math
from dataclasses import dataclass

from torch import Tensor, nn

from .states import Weights, check_alike, combine_, length, own_tensors

Point = tuple[float, float]
FLAT = 1e-6  # of its length: what float32 leaves of a vector that is in the line of another


@dataclass(frozen=True)
class Plane:
    """A plane through three networks, with its own axes (Garipov et al., 2018, arXiv:1802.10026, appendix A.2).

    The first network is the origin, the x axis points to the second, and the y axis, orthogonal to it, to the side of
    the third. Distances in the plane are Euclidean distances of the networks' parameters.

    Attributes:
        networks: The three state dictionaries themselves, not copies: leave them as they are.
        coordinates: (x, y) of the three: (0, 0), (a, 0) with a > 0, and (b, c) with c > 0.
    """

    networks: tuple[Weights, Weights, Weights]
    coordinates: tuple[Point, Point, Point]

    def shares(self, x: float, y: float) -> tuple[float, float, float]:
        """How much of each network there is at a point; they sum to 1, and are (1, 0, 0) and so on at the three."""
        _, (a, _), (b, c) = self.coordinates
        third = y / c
        other = (x - third * b) / a
        return 1 - other - third, other, third


def plane_through(net: nn.Module, one: Weights, other: Weights, third: Weights) -> Plane:
    """The plane through three networks, its axes by Gram-Schmidt over all parameters.

    The axes themselves are not kept, for a point is as well given by its shares of the three: no copy is made but
    of one tensor at a time, in float64.

    Args:
        net: A network of the architecture, for the names of its parameters; not changed.
        one: The state dictionary of the network at the origin.
        other: That of the one on the x axis.
        third: That of the one above the x axis.

    Raises:
        ValueError: If names or shapes differ, or the three are on one line, such as when two are equal.
    """
    for state in (one, other, third):
        check_alike(net.state_dict(), state, "a state of the plane")
    names = [name for name, _ in net.named_parameters()]
    a = length(_difference(one, other, name) for name in names)
    reach = length(_difference(one, third, name) for name in names)
    if not (0 < a < math.inf and 0 < reach < math.inf):
        raise ValueError("the first network equals the second or third, or is not finite: take three different ones")
    b = sum(float((_difference(one, other, name) * _difference(one, third, name)).sum()) for name in names) / a
    # from what is left of the vector, not as a root of reach^2 - b^2, which is rounding error where c is small
    c = length(_difference(one, third, name) - _difference(one, other, name) * (b / a) for name in names)
    if not c > FLAT * reach:
        raise ValueError(
            f"the third network is {reach:.1e} from the first, but {c:.1e} from the line through the first two: three "
            "on a line have no plane, so take another or use `interpolate_`"
        )
    return Plane((one, other, third), ((0.0, 0.0), (a, 0.0), (b, c)))


def place_(net: nn.Module, plane: Plane, x: float, y: float) -> None:
    """Make a network the one at a point of the plane; at the coordinates of the three, exactly these.

    Floating-point buffers are combined like parameters. Outside the triangle of the three, running variances can so
    become negative: there, estimate batch norm's statistics anew (`estimate_`). Whole-number buffers are those of the
    first network, except at the others. Everything is written into the network's own memory.

    Args:
        net: A network of the architecture; its own weights are lost.
        plane: Through three networks.
        x: Along the line from the first to the second.
        y: Orthogonal to it.

    Raises:
        ValueError: If a point is not finite, or one of the three is the network's own memory.
    """
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"a point of the plane has two finite coordinates, not ({x}, {y})")
    shares = plane.shares(x, y)
    nearest = shares.index(1.0) if 1.0 in shares else 0
    for tensor, sources in own_tensors(net, *plane.networks):
        if tensor.is_floating_point():
            combine_(tensor, sources, shares)
        else:
            tensor.copy_(sources[nearest])


def _difference(origin: Weights, state: Weights, name: str) -> Tensor:
    start = origin[name].detach().double()
    return state[name].detach().to(start) - start
