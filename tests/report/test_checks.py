import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lth_lightning.report import Interval, mean_interval, read, verdicts
from lth_lightning.report.checks import holm, judge, more_seeds, no_difference

NAN = math.nan


def experiment(drops: dict[tuple[str, int], Sequence[float]], reasons: dict[str, str] | None = None) -> pd.DataFrame:
    """Tickets of 90 % beside checks that lie below them by the drops of every seed; round r keeps 0.1 ** r."""
    rows = [(arm, r, s, 0.9 - d) for (arm, r), seeds in drops.items() for s, d in enumerate(seeds)]
    rows += [("ticket", r, s, 0.9) for r in {r for _, r in drops} for s in range(max(map(len, drops.values())))]
    table = pd.DataFrame(rows, columns=["arm", "round", "seed", "test_accuracy"])
    table.attrs["not_applicable"] = reasons or {}
    return table.assign(density=0.1 ** table["round"])


def test_an_interval_is_judged_by_its_ends() -> None:
    assert judge(Interval(0.010, 0.001, 0.019, 3)) == "accuracy drops"
    assert judge(Interval(0.002, 0.001, 0.003, 3)) == "accuracy drops"  # surely, even if not by much
    assert judge(Interval(0.000, -0.004, 0.0049, 3)) == "no drop"
    assert judge(Interval(-0.100, -0.150, -0.050, 3)) == "no drop"
    assert judge(Interval(0.000, -0.005, 0.005, 3)) == "cannot tell"
    assert judge(Interval(0.002, -0.001, 0.006, 3)) == "cannot tell"
    assert judge(Interval(0.002, -0.001, 0.006, 3), tolerance=0.01) == "no drop"


def test_one_seed_or_seeds_that_agree_exactly_cannot_tell() -> None:
    assert judge(mean_interval([0.2])) == judge(mean_interval([])) == "cannot tell"
    assert judge(mean_interval([0.2, 0.2, 0.2])) == judge(mean_interval([0.0, 0.0])) == "cannot tell"
    assert no_difference(mean_interval([0.2, 0.2])) == 1
    assert math.isnan(no_difference(mean_interval([0.2])))
    assert math.isnan(more_seeds(mean_interval([0.2])))
    assert math.isnan(more_seeds(mean_interval([0.2, 0.2])))


def verdict_rate(verdict: str, true_drop: float, seeds: int, spread: float) -> float:
    draws = np.random.default_rng(seeds).normal(true_drop, spread, size=(6000, seeds))
    means, half = draws.mean(1), stats.t.ppf(0.975, seeds - 1) * draws.std(1, ddof=1) / math.sqrt(seeds)
    drops = map(Interval, means, means - half, means + half, itertools.repeat(seeds))
    return float(np.mean([judge(drop) == verdict for drop in drops]))


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_without_an_effect_accuracy_drops_in_one_of_forty_cases(seeds: int) -> None:
    assert verdict_rate("accuracy drops", 0.0, seeds, 0.004) == pytest.approx(0.025, abs=0.008)  # four standard errors


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_a_drop_of_the_tolerance_is_overlooked_in_at_most_one_of_forty_cases(seeds: int) -> None:
    for spread in (0.0005, 0.004):
        assert verdict_rate("no drop", 0.005, seeds, spread) <= 0.025 + 0.008


def test_a_large_drop_and_a_small_spread_are_told() -> None:
    assert verdict_rate("accuracy drops", 0.03, 5, 0.004) > 0.99
    assert verdict_rate("no drop", 0.0, 5, 0.001) == pytest.approx(0.975, abs=0.008)  # else it seems to drop


@given(st.lists(st.integers(-1000, 1000).map(lambda x: x / 5000), min_size=2, max_size=8))
def test_the_p_value_is_that_of_scipys_paired_t_test(drops: list[float]) -> None:
    ticket = np.linspace(0.8, 0.9, len(drops))
    if np.ptp(drops) > 1e-6:
        expected = stats.ttest_rel(ticket, ticket - np.array(drops)).pvalue
        assert no_difference(mean_interval(drops)) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_an_interval_leaves_out_zero_where_p_is_below_its_level() -> None:
    for drops in np.random.default_rng(0).normal(0.004, 0.004, size=(100, 3)):
        interval = mean_interval(drops)
        assert (interval.side != 0) == (no_difference(interval) < 0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_holm_rejects_what_closed_testing_with_bonferroni_rejects(p: list[float]) -> None:
    # Closed testing: a hypothesis is as likely as the likeliest set that contains it, a set as m times its smallest p.
    sets = [set(s) for size in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), size)]
    for i, adjusted in enumerate(holm(np.array(p))):
        expected = max(min(1.0, len(s) * min(p[j] for j in s)) for s in sets if i in s)
        assert adjusted == pytest.approx(expected)


def test_holm_errs_in_any_of_many_true_hypotheses_as_often_as_in_one() -> None:
    p = np.random.default_rng(1).uniform(size=(4000, 21))
    assert np.mean([holm(row).min() < 0.05 for row in p]) == pytest.approx(0.05, abs=0.014)


def test_what_has_no_p_value_does_not_count_among_the_comparisons() -> None:
    assert holm(np.array([0.04, NAN, 0.01])).tolist() == pytest.approx([0.04, NAN, 0.02], nan_ok=True)


@given(st.integers(2, 9), st.floats(-0.02, 0.02), st.floats(1e-4, 0.03))
def test_the_seeds_that_are_missing_settle_it_and_one_less_does_not(n: int, mean: float, spread: float) -> None:
    def after(seeds: int) -> Interval:
        half = float(stats.t.ppf(0.975, seeds - 1)) * spread / math.sqrt(seeds)
        return Interval(mean, mean - half, mean + half, seeds)

    if judge(after(n)) == "cannot tell":
        more = more_seeds(after(n))
        assert (
            judge(after(n + 100)) == "cannot tell" if math.isinf(more) else judge(after(n + int(more))) != "cannot tell"
        )
        assert all(judge(after(n + fewer)) == "cannot tell" for fewer in range(int(min(more, 101))))


def test_two_seeds_that_disagree_by_hand() -> None:
    # Drops 0 and 0.4 points: s = 0.28284, and half of 0.5 - 0.2 = 0.3 is below t(0.975, n - 1) s / sqrt(n) until n = 6:
    # 2.5706 * 0.28284 / 2.4495 = 0.2968; with five seeds it is 2.7764 * 0.28284 / 2.2361 = 0.3512.
    assert more_seeds(mean_interval([0.0, 0.004])) == 4


def test_every_check_is_judged_at_every_density() -> None:
    found = verdicts(
        experiment(
            {
                ("random_labels", 1): (0.0, 0.001, -0.001),
                ("random_labels", 2): (0.03, 0.04, 0.05),
                ("rearranged_mask", 1): (0.0, 0.02, -0.02),
            }
        )
    ).set_index(["arm", "round"])
    assert found["verdict"].to_dict() == {
        ("random_labels", 1): "no drop",
        ("random_labels", 2): "accuracy drops",
        ("rearranged_mask", 1): "cannot tell",
    }
    assert found["density"].tolist() == pytest.approx([0.1, 0.01, 0.1])
    assert found["n"].tolist() == [3, 3, 3]
    drops = found.loc[("random_labels", 2)]
    # s = 0.01, so t = 0.04 / (0.01 / sqrt(3)) = 6.9282 with two degrees of freedom, whose p is 1 - t / sqrt(t^2 + 2).
    assert drops["p"] == pytest.approx(1 - math.sqrt(48 / 50))
    assert drops["p_holm"] == pytest.approx(3 * drops["p"])
    assert found["more"].notna().tolist() == [False, False, True]


def test_dense_and_sparse_networks_are_no_checks() -> None:
    table = experiment({("dense", 1): (0.1, 0.11), ("sparse", 1): (0.1, 0.11), ("my_own_check", 1): (0.1, 0.11)})
    assert verdicts(table)["arm"].tolist() == ["my_own_check"]


def test_a_check_that_does_not_apply_has_its_reason_and_is_no_comparison() -> None:
    reasons = {"random_labels": "Random does not look at data", "half_data": "never"}
    found = verdicts(experiment({("rearranged_mask", 1): (0.03, 0.04), ("half_data", 1): (0.03, 0.04)}, reasons))
    assert found["verdict"].tolist() == ["cannot tell", "cannot tell", "not applicable"]
    assert found["arm"].tolist()[-1] == "random_labels"  # half_data was trained after all
    assert found["reason"].tolist() == ["", "", "Random does not look at data"]
    assert found["p_holm"].isna().tolist() == [False, False, True]


def test_nothing_to_check_has_no_verdicts() -> None:
    assert len(verdicts(experiment({("dense", 1): (0.1, 0.2)}))) == 0
    assert verdicts(experiment({("dense", 1): (0.1,)}, {"half_data": "why"}))["verdict"].tolist() == ["not applicable"]


@pytest.mark.parametrize("tolerance", [0.0, -0.005, 0.5e2])
def test_a_tolerance_is_a_share(tolerance: float) -> None:
    with pytest.raises(ValueError, match="percentage point"):
        verdicts(experiment({("half_data", 1): (0.1, 0.2)}), tolerance=tolerance)


@pytest.mark.parametrize(
    "content", ['{"random_labels": "Random does not look at data.", "half_data": 3}', "", "[]", None]
)
def test_reasons_are_read_from_the_folder(
    tmp_path: Path, write_training: Callable[..., None], content: str | None
) -> None:
    write_training(tmp_path, arm="ticket", seed=0, round=1, accuracy=0.9)
    if content is not None:
        (tmp_path / "not_applicable.json").write_text(content)
    expected = {"random_labels": "Random does not look at data"} if content and "{" in content else {}
    assert read(tmp_path).attrs["not_applicable"] == expected
