import pytest
import torch
from torch import nn

from lth_lightning.analysis import alphas, barrier, interpolate_


def quadratic(curvature: float, one: float, other: float, places: tuple[float, ...]) -> tuple[list[float], list[float]]:
    """The loss curvature * w^2 on the line between two weights, as computed in a network and as in a formula."""
    net = nn.Linear(1, 1, bias=False).double()
    ends = [{"weight": torch.tensor([[end]], dtype=torch.float64)} for end in (one, other)]
    values = []
    for alpha in places:
        interpolate_(net, *ends, alpha=alpha)
        values.append(curvature * net.weight.item() ** 2)
    chord = [(1 - alpha) * curvature * one**2 + alpha * curvature * other**2 for alpha in places]
    sag = [curvature * alpha * (1 - alpha) * (one - other) ** 2 for alpha in places]
    return values, [a - b for a, b in zip(chord, sag, strict=True)]


@pytest.mark.parametrize("curvature", [1.0, -2.0])
@pytest.mark.parametrize("where", ["ends", "middles"])
def test_on_a_line_a_quadratic_loss_is_a_parabola(curvature: float, where: str) -> None:
    values, expected = quadratic(curvature, -1.0, 2.0, alphas(30, where))
    assert values == pytest.approx(expected)


def test_the_barrier_of_a_hill_is_a_quarter_of_its_curvature_times_the_squared_distance() -> None:
    values, _ = quadratic(-2.0, 3.0, -3.0, alphas(31))  # its top is at alpha = 1/2
    assert barrier(values, ends=(values[0], values[-1])) == pytest.approx(2.0 * 6.0**2 / 4)


def test_the_barrier_counts_from_the_mean_of_unequal_ends() -> None:
    values, _ = quadratic(1.0, 1.0, 3.0, alphas(11))  # convex: highest at the higher end, 9 above a mean of 5
    assert barrier(values, ends=(1.0, 9.0)) == pytest.approx(4)


def test_a_valley_seen_between_its_ends_has_a_barrier_below_zero() -> None:
    values, _ = quadratic(1.0, -1.0, 1.0, alphas(2, "middles"))
    assert barrier(values, ends=(1.0, 1.0)) == pytest.approx(0.25 - 1)


def test_a_flat_line_has_no_barrier() -> None:
    assert barrier([0.3, 0.3, 0.3], ends=(0.3, 0.3)) == 0


def test_a_barrier_of_no_values_is_refused() -> None:
    with pytest.raises(ValueError, match="no values along the line"):
        barrier([], ends=(0.0, 0.0))


def test_alphas_are_at_the_ends_or_the_middles_of_equal_parts() -> None:
    assert alphas(5) == (0, 0.25, 0.5, 0.75, 1)
    assert alphas(30)[0] == 0
    assert alphas(30)[-1] == 1  # exactly
    assert alphas(30, "middles") == pytest.approx([(2 * i + 1) / 60 for i in range(30)])
    assert alphas(1, "middles") == (0.5,)


@pytest.mark.parametrize(("number", "where"), [(1, "ends"), (0, "middles"), (-3, "ends")])
def test_too_few_alphas_are_refused(number: int, where: str) -> None:
    with pytest.raises(ValueError, match=f"at its {where}, not {number}"):
        alphas(number, where)


def test_alphas_elsewhere_are_refused() -> None:
    with pytest.raises(ValueError, match="not 'random'"):
        alphas(3, "random")
