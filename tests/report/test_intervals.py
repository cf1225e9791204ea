import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lth_lightning.report import Interval, mean_interval, paired_difference
from lth_lightning.report.intervals import levels, pairs


def trainings(*rows: tuple[str, int, int, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["arm", "seed", "round", "test_accuracy"])
    return table.assign(density=0.5 ** table["round"])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10), st.floats(0.5, 0.999))
def test_the_interval_is_scipys_t_interval(values: list[float], confidence: float) -> None:
    found = mean_interval(values, confidence)
    if stats.sem(values) > 0:
        expected = stats.t.interval(confidence, len(values) - 1, np.mean(values), stats.sem(values))
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.n == len(values)


def test_two_values_give_the_cauchy_quantile_times_half_their_distance() -> None:
    # With one degree of freedom t is Cauchy: its 97.5 % quantile is tan(pi * 0.475) = 12.706.
    found = mean_interval([0.90, 0.92])
    assert found.half_width == pytest.approx(math.tan(math.pi * 0.475) * 0.01)
    assert found.mean == pytest.approx(0.91)


def test_ninety_five_in_a_hundred_intervals_of_three_seeds_contain_the_truth() -> None:
    draws = np.random.default_rng(1).normal(0.97, 0.004, size=(4000, 3))
    hits = [i.low <= 0.97 <= i.high for i in map(mean_interval, draws)]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)  # four standard errors


def test_where_arms_do_not_differ_a_side_is_named_in_five_of_a_hundred_cases() -> None:
    draws = np.random.default_rng(2).normal(0, 0.004, size=(4000, 3))
    assert np.mean([mean_interval(d).side != 0 for d in draws]) == pytest.approx(0.05, abs=0.015)


def test_one_value_has_a_mean_but_no_interval() -> None:
    found = mean_interval([0.9])
    assert found.mean == 0.9
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.side == 0


def test_no_value_has_no_mean() -> None:
    assert math.isnan(mean_interval([]).mean)
    assert mean_interval([math.nan]).n == 0


def test_missing_values_are_left_out() -> None:
    assert mean_interval([0.9, math.nan, 0.92]) == mean_interval([0.9, 0.92])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_a_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        mean_interval([0.9, 0.8], confidence)


def test_a_side_needs_the_whole_interval() -> None:
    assert Interval(0.01, 0.001, 0.019, 3).side == 1
    assert Interval(-0.01, -0.019, -0.001, 3).side == -1
    assert Interval(0.01, -0.001, 0.021, 3).side == 0


def test_exactly_equal_differences_tell_nothing() -> None:
    table = trainings(("dense", 0, 0, 0.95), ("dense", 1, 0, 0.96), ("ticket", 0, 1, 0.96), ("ticket", 1, 1, 0.97))
    found = paired_difference(table, "ticket", "dense", round=1)
    assert found.mean == pytest.approx(0.01)
    assert found.side == 0


def test_a_paired_difference_by_hand() -> None:
    table = trainings(
        ("dense", 0, 0, 0.90),
        ("dense", 1, 0, 0.94),
        ("dense", 2, 0, 0.98),
        ("ticket", 0, 1, 0.50),
        ("ticket", 0, 2, 0.91),
        ("ticket", 1, 2, 0.96),
        ("ticket", 2, 2, 1.01),
    )
    found = paired_difference(table, "ticket", "dense", round=2)
    # Differences 0.01, 0.02, 0.03: mean 0.02, s = 0.01; t(0.975, 2) = 4.302653.
    assert found.mean == pytest.approx(0.02)
    assert found.half_width == pytest.approx(4.302653 * 0.01 / math.sqrt(3), rel=1e-6)
    assert found.n == 3


def test_pairing_takes_out_what_the_arms_of_a_seed_share() -> None:
    draw = np.random.default_rng(3)
    rows: list[tuple[str, int, int, float]] = []
    for seed, luck in enumerate(draw.normal(0, 0.05, size=10)):
        rows += [("dense", seed, 0, 0.9 + luck), ("ticket", seed, 1, 0.91 + luck + draw.normal(0, 0.001))]
    table = trainings(*rows)
    assert paired_difference(table, "ticket", "dense", round=1).side == 1
    alone = levels(table, "test_accuracy").set_index("arm")
    assert alone.loc["ticket", "low"] < alone.loc["dense", "mean"]


def test_seeds_without_a_partner_are_left_out() -> None:
    table = trainings(("dense", 0, 0, 0.9), ("dense", 1, 0, 0.8), ("ticket", 1, 1, 0.85), ("ticket", 2, 1, 0.7))
    found = paired_difference(table, "ticket", "dense", round=1)
    assert found.n == 1
    assert found.mean == pytest.approx(0.05)
    assert paired_difference(table, "ticket", "reinitialised", round=1).n == 0


def test_controls_are_compared_at_the_same_round_only() -> None:
    table = trainings(("ticket", 0, 1, 0.9), ("ticket", 0, 2, 0.8), ("random_ticket", 0, 2, 0.5))
    assert paired_difference(table, "ticket", "random_ticket", round=1).n == 0
    assert paired_difference(table, "ticket", "random_ticket", round=2).mean == pytest.approx(0.3)


def test_several_trainings_of_a_seed_count_as_one() -> None:
    table = trainings(("dense", 0, 0, 0.9), ("dense", 0, 0, 0.8), ("ticket", 0, 1, 0.9), ("ticket", 0, 1, 0.92))
    both = pairs(table, "ticket", "dense", round=1, metric="test_accuracy")
    assert both.to_dict("list") == {"a": [pytest.approx(0.91)], "b": [pytest.approx(0.85)]}


def test_levels_are_means_over_seeds_by_arm_and_round() -> None:
    table = trainings(("dense", 0, 0, 0.9), ("ticket", 0, 1, 0.7), ("ticket", 1, 1, 0.8), ("ticket", 0, 2, math.nan))
    found = levels(table, "test_accuracy")
    assert found[["arm", "round", "n"]].to_records(index=False).tolist() == [("dense", 0, 1), ("ticket", 1, 2)]
    assert found["mean"].tolist() == pytest.approx([0.9, 0.75])
    assert found["density"].tolist() == [1.0, 0.5]
