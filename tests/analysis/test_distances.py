import math
from itertools import combinations

import pytest
import torch
from torch import Tensor

from lth_lightning.analysis import Measure, Weights, distance, distance_matrix

State = dict[str, Tensor]


def drawn(seed: int, scale: float = 1.0) -> State:
    draws = torch.Generator().manual_seed(seed)
    return {"a": scale * torch.randn(30, 50, generator=draws), "b": scale * torch.randn(8, 20, 3, 3, generator=draws)}


def masked(seed: int, density: float) -> State:
    draws = torch.Generator().manual_seed(seed)
    return {name: torch.rand(weight.shape, generator=draws) < density for name, weight in drawn(0).items()}


def on_circle(degrees: float) -> State:
    """A network of two layers, of one weight each."""
    angle = math.radians(degrees)
    return {
        name: torch.tensor([value], dtype=torch.float64)
        for name, value in zip("ab", (math.cos(angle), math.sin(angle)), strict=True)
    }


@pytest.mark.parametrize("degrees", [0.0, 1e-10, 1e-4, 30, 45, 90, 120, 179.9999, 180])
def test_distances_on_a_circle_are_those_of_geometry(degrees: float) -> None:
    one, other = on_circle(20), on_circle(20 + degrees)
    angle = math.radians(degrees)
    assert distance(one, other) == pytest.approx(degrees / 90, rel=1e-12, abs=1e-15)
    assert distance(one, other, "cosine") == pytest.approx(2 * math.sin(angle / 2) ** 2, rel=1e-5, abs=1e-15)
    assert distance(one, other, "euclidean") == pytest.approx(2 * math.sin(angle / 2), rel=1e-5, abs=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_a_network_is_exactly_0_from_itself_and_its_negative_exactly_2(seed: int) -> None:
    one = drawn(seed)
    assert [distance(one, one, measure) for measure in ("angular", "cosine", "euclidean")] == [0, 0, 0]
    negative = {name: -weight for name, weight in one.items()}
    assert distance(one, negative) == 2
    assert distance(one, negative, "cosine") == pytest.approx(2, rel=1e-14)


def test_angles_do_not_depend_on_lengths() -> None:
    for measure in ("angular", "cosine"):
        assert distance(drawn(0), drawn(1, 1e-3), measure) == pytest.approx(distance(drawn(0), drawn(1), measure))
        assert distance(drawn(0), drawn(0, 1e-3), measure) < 1e-7  # float32 rounds 1e-3 times a weight


def test_independent_networks_are_nearly_orthogonal() -> None:
    for measure, spread in (("angular", 2 / math.pi), ("cosine", 1.0)):
        found = [distance(drawn(seed), drawn(seed + 10), measure) for seed in range(8)]
        assert all(abs(each - 1) < 4 * spread / math.sqrt(1500 + 1440) for each in found)


def test_layers_are_parts_of_one_vector_on_the_intersection_of_the_masks() -> None:
    one, other, mask, other_mask = drawn(0), drawn(1), masked(2, 0.5), masked(3, 0.3)
    keep = torch.cat([(mask[name] & other_mask[name]).flatten() for name in one])
    u, v = (torch.cat([weight.flatten() for weight in net.values()])[keep].double() for net in (one, other))
    cosine = float(torch.nn.functional.cosine_similarity(u, v, dim=0))
    assert 0.1 < float(keep.double().mean()) < 0.2
    assert distance(one, other, "angular", (mask, other_mask)) == pytest.approx(2 * math.acos(cosine) / math.pi)
    assert distance(one, other, "cosine", (mask, other_mask)) == pytest.approx(1 - cosine)
    assert distance(one, other, "euclidean", (mask, other_mask)) == pytest.approx(float((u - v).norm()))


def test_what_only_one_keeps_does_not_matter() -> None:
    one, other, mask = drawn(0), drawn(1), masked(2, 0.5)
    for measure in ("angular", "cosine", "euclidean"):
        expected = distance(one, other, measure, (mask, None))
        changed = {name: weight.masked_fill(~mask[name], 1e6) for name, weight in other.items()}
        assert distance(one, changed, measure, (mask, None)) == expected
        assert distance(changed, one, measure, (None, mask)) == expected


def test_sums_are_of_float64_however_small_the_type_of_the_weights() -> None:
    ones, twos = ({"w": torch.full((300_000,), value, dtype=torch.bfloat16)} for value in (1.0, 2.0))
    assert distance(ones, twos, "euclidean") == math.sqrt(300_000)


@pytest.mark.parametrize("measure", ["angular", "cosine", "euclidean"])
def test_a_matrix_has_the_distances_of_all_pairs_each_on_its_own_intersection(measure: Measure) -> None:
    networks = [drawn(seed) for seed in range(4)]
    masks = [None, masked(5, 0.8), masked(6, 0.5), None]
    found = distance_matrix(networks, masks, measure)
    assert (found.dtype, found.shape) == (torch.float64, (4, 4))
    assert torch.equal(found, found.T)
    assert not found.diagonal().any()
    for i, j in combinations(range(4), 2):
        assert found[i, j] == distance(networks[i], networks[j], measure, (masks[i], masks[j]))


def test_a_matrix_needs_a_mask_or_none_for_each_network() -> None:
    with pytest.raises(ValueError, match="2 networks and 1 masks"):
        distance_matrix([drawn(0), drawn(1)], [None])


@pytest.mark.parametrize(
    ("other", "measure", "mask", "words"),
    [
        ({"a": torch.ones(2)}, "manhattan", None, "one of angular, cosine, euclidean, not 'manhattan'"),
        ({"b": torch.ones(2)}, "angular", None, "the other network lacks a"),
        ({"a": torch.ones(3)}, "angular", None, r"shape \(2,\), but \(3,\)"),
        ({"a": torch.ones(2)}, "angular", {"b": torch.ones(2).bool()}, "a mask lacks a"),
        ({"a": torch.ones(2)}, "cosine", {"a": torch.zeros(2).bool()}, "so no direction"),
        ({"a": torch.tensor([1.0, 0.0])}, "angular", {"a": torch.tensor([False, True])}, "so no direction"),
    ],
)
def test_what_has_no_distance_is_refused(other: Weights, measure: Measure, mask: Weights | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        distance({"a": torch.ones(2)}, other, measure, (mask, None))
