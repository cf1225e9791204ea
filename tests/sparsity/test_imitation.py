"""Greedy local imitation against brute force over neurons and step sizes, and against the theorem."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lth_lightning.sparsity.neurons import Gram, best_step, imitate
from lth_lightning.sparsity.neurons.imitation import moved


def neurons(seed: int, count: int, inputs: int = 12, outputs: int = 3) -> np.ndarray:
    """(neurons, inputs, outputs): contributions of random neurons."""
    return np.random.default_rng(seed).normal(size=(count, inputs, outputs)) + 0.3


def gram_of(h: np.ndarray) -> Gram:
    return Gram(torch.from_numpy(np.einsum("izo,jzo->ij", h, h) / h.shape[1]))


def direct(h: np.ndarray, a: np.ndarray) -> float:
    """The discrepancy as it is defined, from the contributions themselves."""
    apart = np.einsum("i,izo->zo", a, h) - h.mean(0)
    return float((apart**2).sum(1).mean())


@given(st.integers(0, 999), st.integers(2, 9), st.integers(1, 12))
def test_every_step_is_the_best_of_all_neurons_and_sizes(seed: int, count: int, steps: int) -> None:
    h = neurons(seed, count)
    *_, step = islice(imitate(gram_of(h)), steps)
    a = step.coefficients.numpy()
    chosen, size = best_step(gram_of(h), step.coefficients)
    best = direct(h, moved(step.coefficients, chosen, size).numpy())
    for i in range(count):
        low = -a[i] / (1 - a[i]) if a[i] < 1 else 0.0
        for gamma in np.linspace(low, 1, 60):
            assert best <= direct(h, (1 - gamma) * a + gamma * np.eye(count)[i]) + 1e-9


@given(st.integers(0, 999), st.integers(1, 9))
def test_the_first_is_the_best_single_neuron(seed: int, count: int) -> None:
    h = neurons(seed, count)
    step = next(imitate(gram_of(h)))
    assert step.discrepancy == pytest.approx(min(direct(h, each) for each in np.eye(count)))
    assert step.kept == [step.chosen]


@given(st.integers(0, 999), st.integers(2, 9), st.integers(1, 9))
def test_it_stays_in_the_simplex_within_its_width_and_never_gets_worse(seed: int, count: int, width: int) -> None:
    h = neurons(seed, count)
    width = min(width, count)
    before = float("inf")
    for number, step in enumerate(islice(imitate(gram_of(h), width), 30), start=1):
        a = step.coefficients
        assert float(a.min()) >= 0
        assert float(a.sum()) == pytest.approx(1)
        assert len(step.kept) <= min(width, number)
        assert step.discrepancy == pytest.approx(direct(h, a.numpy()), abs=1e-12)
        assert step.discrepancy <= before + 1e-12
        before = step.discrepancy


def test_a_step_back_may_remove_a_neuron_exactly() -> None:
    a = torch.tensor([0.25, 0.75], dtype=torch.float64)
    assert moved(a, 0, -0.25 / 0.75).tolist() == [0.0, 1.0]


def test_where_the_layer_is_inside_the_hull_of_its_neurons_the_discrepancy_falls_exponentially() -> None:
    h = neurons(1, 40, inputs=4, outputs=1)  # 40 points around their mean in 4 dimensions
    found = [step.discrepancy for step in islice(imitate(gram_of(h)), 60)]
    for earlier, later in ((0, 8), (8, 16)):
        assert found[later] < 1e-4 * found[earlier]
    assert max(found[24:]) < 1e-15  # rounding is all that is left of it: how much, goes with the machine
    for number, step in enumerate(islice(imitate(gram_of(h)), 30), start=1):
        assert len(step.kept) <= number


def test_what_cannot_be_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"\(N, N\) for N neurons"):
        Gram(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="symmetric and finite"):
        Gram(torch.tensor([[1.0, float("nan")], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="width is 5: of 3 neurons keep 1 to 3"):
        next(imitate(Gram(torch.eye(3, dtype=torch.float64)), 5))
