import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lth_lightning.analysis import embed

NUMBERS = st.integers(-1000, 1000)


@settings(max_examples=50)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=8))
def test_points_of_a_plane_keep_their_distances(points: list[tuple[int, int]]) -> None:
    distances = torch.cdist(
        *[torch.tensor(points, dtype=torch.float64)] * 2, compute_mode="donot_use_mm_for_euclid_dist"
    )
    found = embed(distances)
    assert found.shape == (len(points), 2)
    torch.testing.assert_close(torch.cdist(found, found), distances, rtol=1e-6, atol=1e-3)
    torch.testing.assert_close(found.mean(0), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-6)


def test_axes_are_in_the_order_of_their_spread_with_the_farthest_point_positive() -> None:
    cross = torch.tensor([[-5.0, 0], [3, 0], [0, 1], [0, -1], [2, 0]], dtype=torch.float64)
    found = embed(torch.cdist(cross, cross))
    assert float(found[:, 0].var()) > float(found[:, 1].var())
    assert found.abs().argmax(0).tolist()[0] == 0
    assert found[0, 0] == pytest.approx(5)
    assert found[2, 1] == pytest.approx(1)  # as far out as the point after it
    assert torch.equal(embed(torch.cdist(cross, cross)), found)


def test_more_dimensions_are_projected_to_the_widest() -> None:
    box = torch.tensor([[x, y, z] for x in (-4.0, 4) for y in (-2.0, 2) for z in (-1.0, 1)], dtype=torch.float64)
    distances = torch.cdist(box, box)
    torch.testing.assert_close(torch.cdist(*[embed(distances, 3)] * 2), distances)
    assert embed(distances, 2).abs().round(decimals=6).tolist() == [[4, 2]] * 8
    assert embed(distances, 8)[:, 3:].abs().max() < 1e-6


def test_distances_that_no_points_have_are_drawn_as_near_as_can_be() -> None:
    star = torch.full((4, 4), 2.0).fill_diagonal_(0)
    star[0, 1:] = star[1:, 0] = 1.0  # nearer to the middle than in any triangle
    found = embed(star, 4)
    assert found.isfinite().all()
    torch.testing.assert_close(torch.cdist(found[1:], found[1:]), star[1:, 1:].double())


@pytest.mark.parametrize(
    ("distances", "dimensions", "words"),
    [
        (torch.zeros(2, 3), 2, r"not of shape \(2, 3\)"),
        (torch.zeros(2, 2), 3, "2 networks are drawn in 1 to 2 dimensions, not 3"),
        (torch.zeros(2, 2), 0, "not 0"),
        (torch.tensor([[0.0, 1.0], [2.0, 0.0]]), 1, "the same both ways"),
        (torch.tensor([[0.0, -1.0], [-1.0, 0.0]]), 1, "not negative"),
        (torch.eye(2), 1, "zero on the diagonal"),
        (torch.tensor([[0.0, math.nan], [math.nan, 0.0]]), 1, "diverged"),
    ],
)
def test_what_is_no_matrix_of_distances_is_refused(distances: Tensor, dimensions: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        embed(distances, dimensions)
