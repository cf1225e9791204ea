"""Ways to choose neurons against all subsets, against quadratic programming, and against the laws of the theory."""

from itertools import combinations, islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from lth_lightning.analysis import decay
from lth_lightning.models import TwoLayer
from lth_lightning.sparsity.neurons import (
    Gram,
    Step,
    after,
    by_chance,
    fixed_steps,
    groups,
    imitate,
    measure,
    settled,
    spaced,
    uniform,
    within,
)


def neurons(seed: int, count: int, size: int = 12) -> np.ndarray:
    """(neurons, size): contributions of random neurons."""
    return np.random.default_rng(seed).normal(size=(count, size)) + 0.3


def gram_of(h: np.ndarray) -> Gram:
    return Gram(torch.from_numpy(h @ h.T))


def direct(h: np.ndarray, a: np.ndarray) -> float:
    """The discrepancy as it is defined."""
    return float(((a @ h - h.mean(0)) ** 2).sum())


def of_steps(*found: tuple[list[float], float]) -> list[Step]:
    return [Step(torch.tensor(a, dtype=torch.float64), d, 0, 0.0) for a, d in found]


@given(st.integers(1, 3000), st.integers(2, 40))
def test_numbers_rise_from_one_to_all_and_none_is_left_out_where_there_is_room(count: int, places: int) -> None:
    found = spaced(count, places)
    assert found == sorted({*found})
    assert (found[0], found[-1]) == (1, count)
    assert len(found) == count if count <= places else len(found) <= places
    ratios = np.diff(np.log(found))
    if count > places:
        step = np.log(count) / (places - 1)
        assert all(ratio < step + 1 / n for n, ratio in zip(found, ratios, strict=False)), "but for rounding even"


@pytest.mark.parametrize(("seed", "count", "number"), [(0, 12, 4), (1, 30, 8), (2, 9, 9), (3, 9, 1)])
def test_a_settled_choice_has_about_the_best_weights_that_its_neurons_can_have(
    seed: int, count: int, number: int
) -> None:
    h = neurons(seed, count)
    found = settled(gram_of(h), number)
    assert found.number == number
    assert 1 <= found.neurons <= number
    kept = found.coefficients.nonzero().flatten().numpy()
    heavy = 1e4  # holds the sum at 1
    weights, _ = nnls(np.vstack([h[kept].T, heavy * np.ones(len(kept))]), np.append(h.mean(0), heavy))
    best = float(((weights @ h[kept] - h.mean(0)) ** 2).sum())
    assert best - 1e-6 <= direct(h, found.coefficients.numpy()) <= 1.05 * best + 1e-6


@given(st.integers(0, 99), st.integers(2, 8), st.integers(1, 12))
def test_forward_selection_takes_the_best_neuron_and_weighs_each_by_how_often_it_was_taken(
    seed: int, count: int, taken: int
) -> None:
    h = neurons(seed, count)
    steps = list(islice(fixed_steps(gram_of(h)), taken))
    counts = np.zeros(count)
    for k, step in enumerate(steps, start=1):
        tried = [direct(h, (counts + unit) / k) for unit in np.eye(count)]
        counts[step.chosen] += 1
        assert step.coefficients.numpy() == pytest.approx(counts / k)
        assert step.discrepancy == pytest.approx(min(tried), abs=1e-9)
        assert step.size == pytest.approx(1 / k)


@pytest.mark.parametrize("width", [1, 2, 5, 7])
def test_random_neurons_of_equal_weight_have_the_mean_discrepancy_of_sampling_without_replacement(width: int) -> None:
    h = neurons(4, 7)
    gram = gram_of(h)
    found = []
    for kept in combinations(range(7), width):
        scores = torch.zeros(7)
        scores[[*kept]] = 1.0
        a = uniform(scores, width)
        assert a[[*kept]].tolist() == pytest.approx([1 / width] * width)
        found.append(gram.discrepancy(a))
    variance = float(((h - h.mean(0)) ** 2).sum(1).mean())
    assert np.mean(found) == pytest.approx(variance / width * (7 - width) / 6)


def test_a_search_is_looked_at_after_steps_or_where_it_was_best_with_few_neurons() -> None:
    steps = of_steps(([1.0, 0.0, 0.0], 0.9), ([0.5, 0.5, 0.0], 0.4), ([1.0, 0.0, 0.0], 0.5), ([0.4, 0.3, 0.3], 0.6))
    assert [(each.number, each.steps, each.neurons) for each in after(steps, [1, 3, 9])] == [(1, 1, 1), (3, 3, 1)]
    assert [(each.number, each.steps, each.neurons) for each in within(steps, [1, 2, 3, 4])] == [
        (1, 3, 1),
        (2, 2, 2),
        (3, 2, 2),
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_in_a_two_layer_network_greedy_imitation_is_exponential_and_chance_one_over_n(seed: int) -> None:
    torch.manual_seed(seed)
    net = TwoLayer(num_classes=1, inputs=4, hidden=1000)
    (group,), _ = groups(net, (1, 2, 2))
    gram = measure(net, group, [(torch.randn(6, 1, 2, 2), torch.zeros(6))])  # 1000 points around their mean in 6 d
    numbers = list(range(1, 101))
    greedy = [gram.discrepancy(each.coefficients) for each in after(imitate(gram), numbers)]
    law = decay(numbers, greedy, floor=1e-12 * greedy[0])
    assert law is not None
    assert law.rate_r2 > 0.98
    assert law.power_r2 < 0.92
    assert greedy[-1] < 1e-12 * greedy[0]
    draws = [by_chance(group, draw) for draw in range(60)]
    chance = [np.mean([gram.discrepancy(uniform(draw, n)) for draw in draws]) for n in numbers]
    law = decay(numbers, [float(value) for value in chance])
    assert law is not None
    assert not law.exponential
    assert law.power == pytest.approx(1, abs=0.1)
    assert law.power_r2 > 0.98
    fixed = [gram.discrepancy(each.coefficients) for each in after(fixed_steps(gram), numbers)]
    law = decay(numbers, fixed)
    assert law is not None
    assert law.power == pytest.approx(2, abs=0.5)
    assert law.power_r2 > law.rate_r2
    assert greedy[-1] < fixed[-1] < chance[-1]


def test_a_width_that_cannot_be_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="width is 4: of 3 neurons keep 1 to 3"):
        uniform(torch.rand(3), 4)
