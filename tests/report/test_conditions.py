"""False wins and power, measured on many simulated studies at once."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from lth_lightning.report.conditions import answer, evidence, literal, literal_means, span, strict, strict_means
from lth_lightning.report.margins import Margins, margins

STUDIES, DENSITIES, ALPHA = 800, 3, 0.05
LUCK = 4 * math.sqrt(ALPHA * (1 - ALPHA) / STUDIES)  # four standard errors of a rate of alpha
Values = NDArray[np.float64]
CASES = list(itertools.product([2, 3, 5], [1, 2, 3, 4]))  # seeds and learning rates


def study(
    ticket: Values, dense: Values, reinitialised: Values, small: Values, seeds: int, noise: float
) -> list[Values]:
    """Accuracies (studies, densities, learning rates, seeds) about true means; all arms of a seed share some luck."""
    draw = np.random.default_rng([seeds, len(ticket)])
    luck = draw.normal(0, 2 * noise, size=(STUDIES, 1, 1, seeds))
    trained = draw.normal(0, noise, size=(4, STUDIES, DENSITIES, len(ticket), seeds)) + luck
    trained[1] = trained[1][:, :1]  # the same dense networks at every density
    means = (ticket, dense, reinitialised, small)
    return [own + mean[:, None] for own, mean in zip(trained, means, strict=True)]


def spans(arms: list[Values], level: float) -> dict[str, tuple[NDArray[np.int_], NDArray[np.int_]]]:
    tickets, dense, reinitialised, small = arms
    found = evidence(tickets, dense, reinitialised, small, dense, tolerance=0.005, gap=0.005)
    least, most = span(np.array(1), strict(found, level))
    return {"literal": span(np.array(1), literal(found, level)), "strict": (least.max(-1), most.max(-1))}


def false_wins(arms: list[Values]) -> list[float]:
    """How many studies have a jackpot, a secondary prize or more at any density, in both modes."""
    return [float((least > 0).any(-1).mean()) for least, _ in spans(arms, ALPHA / DENSITIES).values()]


def flat(value: float, rates: int) -> Values:
    return np.full(rates, value)


@pytest.mark.parametrize(("seeds", "rates"), CASES)
@pytest.mark.parametrize("dense", [0.80, 0.92])
def test_tickets_that_equal_reinitialised_ones_seldom_win(seeds: int, rates: int, dense: float) -> None:
    for noise in (0.002, 0.02):
        arms = study(flat(0.9, rates), flat(dense, rates), flat(0.9, rates), flat(0.8, rates), seeds, noise)
        assert max(false_wins(arms)) <= ALPHA + LUCK


@pytest.mark.parametrize(("seeds", "rates"), CASES)
def test_tickets_seldom_win_at_the_very_edge_of_every_condition(seeds: int, rates: int) -> None:
    lowered = flat(0.5, rates)
    lowered[0] = 0.895
    base = {"ticket": flat(0.9, rates), "dense": flat(0.5, rates), "reinitialised": flat(0.5, rates)}
    edges = (
        {"reinitialised": lowered, "small": flat(0.5, rates)},  # one learning rate of the control is the hard one
        {"reinitialised": flat(0.895, rates), "small": flat(0.5, rates)},
        {"dense": flat(0.905, rates), "small": flat(0.5, rates)},
        {"small": lowered},
    )
    for edge in edges:
        rate = false_wins(study(**(base | edge), seeds=seeds, noise=0.01))
        assert max(rate) <= ALPHA + LUCK
        if rates == 1 and "dense" not in edge:  # nothing is given away: three independent densities share alpha
            assert min(rate) == pytest.approx(1 - (1 - ALPHA / DENSITIES) ** DENSITIES, abs=LUCK)


@pytest.mark.parametrize(("seeds", "rates"), CASES)
def test_tickets_far_below_dense_seldom_win_however_bad_their_controls(seeds: int, rates: int) -> None:
    arms = study(flat(0.9, rates), flat(0.906, rates), flat(0.5, rates), flat(0.5, rates), seeds, 0.01)
    assert max(false_wins(arms)) <= ALPHA + LUCK


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_one_good_learning_rate_for_each_condition_wins_literally_but_not_strictly(seeds: int) -> None:
    # At the first the ticket beats its control and at the second it matches dense networks, never both at one.
    arms = study(*map(np.array, ((0.9, 0.8), (0.95, 0.8), (0.8, 0.8), (0.7, 0.7))), seeds, 0.0001)
    found = spans(arms, ALPHA / DENSITIES)
    assert (found["strict"][0] > 0).any(-1).mean() <= ALPHA + LUCK
    if seeds > 2:
        assert (found["literal"][0] == 1).mean() > 0.99
        assert (found["strict"][1] == 0).mean() > 0.99


TRUTHS = {
    "jackpot": ((0.92, 0.91), (0.92, 0.90), (0.88, 0.89), (0.85, 0.85)),
    "secondary prize": ((0.90, 0.87), (0.90, 0.92), (0.85, 0.87), (0.84, 0.84)),
    "no ticket": ((0.88, 0.88), (0.92, 0.92), (0.88, 0.88), (0.84, 0.84)),
}


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize(("seeds", "noise"), [(2, 0.00002), (3, 0.0003), (5, 0.001)])
def test_a_clear_truth_is_found(truth: str, seeds: int, noise: float) -> None:
    arms = study(*map(np.array, TRUTHS[truth]), seeds, noise)
    for least, most in spans(arms, ALPHA / DENSITIES).values():
        told = [answer(int(a), int(b)) == truth for a, b in zip(least.flat, most.flat, strict=True)]
        assert np.mean(told) > 0.95
    tickets, dense, reinitialised, small = arms
    found = evidence(tickets, dense, reinitialised, small, dense, tolerance=0.005, gap=0.005)
    for means in (literal_means(found), strict_means(found)):
        least, most = span(np.array(1), means)
        least, most = (end if end.ndim == 2 else end.max(-1) for end in (least, most))
        assert {answer(int(a), int(b)) for a, b in zip(least.flat, most.flat, strict=True)} == {truth}


def test_bounds_by_hand() -> None:
    # Differences 1, 2, 3 points at the first learning rate and 3, 4, 5 at the second, and a threshold of half a point:
    # s / sqrt(3) = 0.57735, and t(0.975, 2) = 4.302653 for two learning rates of 5 % together, t(0.95, 2) = 2.919986.
    low, high = margins(np.array([[[0.01, 0.02, 0.03]], [[0.03, 0.04, 0.05]]]), 0.005).bounds(0.05)
    assert low == pytest.approx([0.015 - 4.302653 * 0.0057735, 0.035 - 4.302653 * 0.0057735], rel=1e-5)
    assert high == pytest.approx([0.015 + 2.919986 * 0.0057735, 0.035 + 2.919986 * 0.0057735], rel=1e-5)


def test_every_comparison_counts_at_a_learning_rate() -> None:
    low, high = margins(np.array([[[0.01, 0.02, 0.03], [0.00, 0.01, 0.02]]]), 0.0).bounds(0.05)
    assert low == pytest.approx([0.01 - 2.919986 * 0.0057735], rel=1e-5)
    assert high == pytest.approx([0.01 + 4.302653 * 0.0057735], rel=1e-5)


@pytest.mark.parametrize("unknown", [[math.nan, 0.1, math.nan], [math.nan] * 3, [0.1, 0.1, 0.1]])
def test_a_comparison_of_unknown_spread_can_only_be_lost_by_another(unknown: list[float]) -> None:
    low, high = margins(np.array([[unknown]]), 0.0).bounds(0.05)
    assert (low.tolist(), high.tolist()) == ([-math.inf], [math.inf])
    low, high = margins(np.array([[[0.01, 0.02, 0.03], unknown]]), 0.0).bounds(0.05)
    assert low.tolist() == [-math.inf]
    assert high == pytest.approx([0.02 + 4.302653 * 0.0057735], rel=1e-5)


def test_the_bounds_of_a_best_of_many_hold_as_often_as_they_claim() -> None:
    truth = np.array([[0.0, 0.01], [0.002, 0.002], [0.002, 0.003]])  # the best of the smallest is 0.002
    draws = np.random.default_rng(5).normal(truth[..., None], 0.004, size=(6000, 3, 2, 4))
    low, high = margins(draws, 0.0).bounds(0.05)
    luck = 4 * math.sqrt(0.05 * 0.95 / 6000)
    assert (low.max(-1) > 0.002).mean() <= 0.05 + luck
    assert (high.max(-1) < 0.002).mean() <= 0.05 + luck


def test_more_seeds_narrow_the_bounds_as_t_intervals_do() -> None:
    grown = Margins(np.array([[0.01]]), np.array([[0.02]]), np.array([[3.0]]), 0.0).grown()
    low, _ = grown.bounds(0.05)
    assert low.shape == (101, 1)
    assert low[7, 0] == pytest.approx(0.01 - 1.833113 * 0.02 / math.sqrt(10), rel=1e-6)  # t(0.95, 9)
