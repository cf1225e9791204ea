import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_lightning.claims import Bar
from lth_lightning.report.conditions import RANKED
from lth_lightning.report.verdict import Verdict, verdict, winners

ARMS = ("dense", "ticket", "reinitialised", "small_dense")
SPREAD = (-0.0004, 0.0, 0.0005)  # what seeds differ by


def study(means: Mapping[float | None, Sequence[float]], densities: Sequence[float] = (0.3,)) -> pd.DataFrame:
    """Accuracies of ARMS by learning rate; arms spread over three seeds each in its own order."""
    rows = []
    for rate, values in means.items():
        for place, (arm, mean) in enumerate(zip(ARMS, values, strict=True)):
            for number, density in enumerate(densities, start=1):
                for seed in range(3) if number == 1 or arm != "dense" else ():
                    accuracy = mean + SPREAD[(seed + place) % 3]
                    there = (0, 1.0) if arm == "dense" else (number, density)
                    rows.append((arm, seed, *there, rate, accuracy, 160.0))
    table = pd.DataFrame(rows, columns=["arm", "seed", "round", "density", "lr", "test_accuracy", "epochs"])
    return table.dropna(subset="test_accuracy")


def states(found: Verdict) -> list[str]:
    return [condition.state for condition in found.strict.conditions.values()]


JACKPOT = {0.1: (0.92, 0.92, 0.88, 0.85)}
SECONDARY = {0.01: (0.90, 0.90, 0.85, 0.84), 0.1: (0.92, 0.87, 0.87, 0.84)}


def test_a_jackpot_fulfils_all_five_conditions() -> None:
    (found,) = verdict(study(JACKPOT))
    assert (found.literal.verdict, found.strict.verdict) == ("jackpot", "jackpot")
    assert states(found) == ["holds"] * 5
    assert (found.round, found.density, found.strict.more) == (1, pytest.approx(0.3), 0)
    assert found.strict.conditions[3].rate == 0.1


def test_a_secondary_prize_is_won_at_a_learning_rate_whose_dense_networks_are_not_the_best() -> None:
    (found,) = verdict(study(SECONDARY))
    assert (found.literal.verdict, found.strict.verdict) == ("secondary prize", "secondary prize")
    assert states(found) == ["holds", "holds", "holds", "holds", "fails"]
    assert found.strict.rates == {0.01: "secondary prize", 0.1: "no ticket"}
    assert found.strict.conditions[5].difference.mean == pytest.approx(-0.02)


def test_learning_rates_of_their_own_win_a_prize_read_literally_only() -> None:
    # At 0.01 tickets beat their controls by far, and only at 0.1 they match the dense networks that train there.
    (found,) = verdict(study({0.01: (0.93, 0.91, 0.85, 0.7), 0.1: (0.8, 0.8, 0.8, 0.7)}))
    assert found.literal.conditions[3].state == found.literal.conditions[4].state == "holds"
    assert (found.literal.verdict, found.strict.verdict) == ("secondary prize", "no ticket")


def test_the_papers_example_reads_as_the_paper_reads_it() -> None:
    # ResNet-20, density 0.086, 160 epochs (Ma et al., 2021, Fig. 1c): LT 87.4 against dense 89.6 at 0.005, RR 82.9.
    paper = {0.005: (0.896, 0.874, 0.829, 0.8), 0.1: (0.923, 0.873, 0.873, 0.8)}
    one_seed = study(paper, [0.086]).query("seed == 0")
    (found,) = verdict(one_seed)
    assert (found.strict.verdict, found.strict.as_means) == ("cannot tell", "no ticket")
    assert found.strict.conditions[4].as_means == "fails"  # 2.2 points below dense, as section 2.1 says
    assert math.isnan(found.strict.more)


def test_gap_and_tolerance_are_read_from_means_without_rounding() -> None:
    exact = pd.DataFrame({"arm": ARMS, "test_accuracy": [0.9, 0.895, 0.89, 0.88], "density": [1, 0.3, 0.3, 0.3]})
    exact = exact.assign(seed=0, round=(exact["arm"] != "dense").astype(int), epochs=1.0)
    (found,) = verdict(exact)
    means = [found.literal.conditions[n].as_means for n in (2, 3, 4, 5)]
    assert means == ["holds", "fails", "holds", "holds"]  # 0.5 points is no clear gap, and is still similar


def test_a_trivial_density_is_no_winning_ticket_and_costs_the_others_nothing() -> None:
    dense, sparse = verdict(study(JACKPOT, [0.4, 0.3]))
    assert (dense.strict.verdict, dense.strict.conditions[1].state) == ("no ticket", "fails")
    assert sparse.strict.conditions[3] == verdict(study(JACKPOT))[0].strict.conditions[3]
    assert [v.strict.verdict for v in verdict(study(JACKPOT, [0.4, 0.3]), bar=Bar(nontrivial=0.5))] == ["jackpot"] * 2


def test_more_densities_widen_every_interval() -> None:
    widths = [verdict(study(JACKPOT, d))[0].strict.conditions[3].difference.half_width for d in ([0.3], [0.3, 0.2])]
    # t(0.95, 2) = 2.919986 and t(0.975, 2) = 4.302653.
    assert widths[1] / widths[0] == pytest.approx(4.302653 / 2.919986, rel=1e-6)


def test_training_has_to_be_sufficient_where_that_is_asked() -> None:
    table = study(JACKPOT)
    assert [verdict(table, bar=Bar(epochs=e))[0].strict.verdict for e in (None, 160, 161)] == [
        "jackpot",
        "jackpot",
        "no ticket",
    ]
    table["epochs"] = math.nan
    (found,) = verdict(table, bar=Bar(epochs=160))
    assert (found.strict.verdict, found.strict.conditions[1].state) == ("cannot tell", "not measured")


def test_without_small_dense_networks_the_second_condition_is_missing() -> None:
    table = study(JACKPOT)
    (found,) = verdict(table[table["arm"] != "small_dense"])
    assert (found.strict.verdict, found.strict.at_most, found.strict.more) == ("cannot tell", "jackpot", 0)
    assert states(found) == ["holds", "not measured", "holds", "holds", "holds"]
    (lost,) = verdict(study({0.1: (0.92, 0.88, 0.88, math.nan)}))
    assert lost.strict.verdict == "no ticket"


def test_dense_networks_at_other_learning_rates_leave_the_fourth_condition_open() -> None:
    table = study(JACKPOT)
    table.loc[table["arm"] == "dense", "lr"] = 0.2
    (found,) = verdict(table)
    assert states(found) == ["holds", "holds", "holds", "not measured", "holds"]
    assert found.literal.verdict == found.strict.verdict == "cannot tell"


def test_a_table_without_learning_rates_has_one_without_a_name() -> None:
    named, unnamed = study(JACKPOT), study(JACKPOT).drop(columns="lr")
    (a,), (b,) = verdict(named), verdict(unnamed)
    assert b.strict.rates == {None: "jackpot"}
    assert a.strict.conditions[3].difference == b.strict.conditions[3].difference
    assert verdict(unnamed.assign(lr=math.nan)) == [b]


def test_what_more_seeds_would_settle_is_settled_by_as_many() -> None:
    # LT - RR of 1.1, 0.1 and 1.2 points: mean 0.8, s = 0.6083; t(0.95, n - 1) s / sqrt(n) is below 0.3 from n = 14 on:
    # 1.7709 * 0.6083 / sqrt(14) = 0.2879, and with 13 seeds 1.7823 * 0.6083 / sqrt(13) = 0.3007.
    table = study({None: (0.9, 0.92, 0.8, 0.8)})
    table.loc[table["arm"] == "ticket", "test_accuracy"] = [0.92, 0.921, 0.922]
    table.loc[table["arm"] == "reinitialised", "test_accuracy"] = [0.909, 0.92, 0.91]
    (found,) = verdict(table)
    assert states(found) == ["holds", "holds", "cannot tell", "holds", "holds"]
    assert found.strict.conditions[3].more == found.strict.more == found.literal.more == 11


def test_the_guideline_tells_what_every_learning_rate_won() -> None:
    assert winners(verdict(study(SECONDARY, [0.5, 0.3, 0.1]))) == {
        0.01: {"secondary prize": [pytest.approx(0.3), pytest.approx(0.1)], "no ticket": [0.5]},
        0.1: {"no ticket": [0.5, pytest.approx(0.3), pytest.approx(0.1)]},
    }


def test_densities_come_densest_first_and_only_where_there_are_tickets() -> None:
    table = study(JACKPOT, [0.1, 0.3])
    assert [v.density for v in verdict(table)] == pytest.approx([0.3, 0.1])
    assert verdict(table[table["arm"] != "ticket"]) == []


def test_the_tolerance_is_that_of_the_data_set_unless_the_bar_has_one() -> None:
    # 0.8 points below dense networks is within the 1 point of CIFAR-100, and not within the 0.5 points of CIFAR-10.
    table = study({0.1: (0.92, 0.912, 0.87, 0.85)})
    told = {
        data: verdict(table.assign(data=data), bar=bar)[0].strict.verdict
        for data, bar in {"CIFAR10": Bar(), "CIFAR100": Bar(), "Digits": Bar(tolerance=0.01)}.items()
    }
    assert told == {"CIFAR10": "no ticket", "CIFAR100": "jackpot", "Digits": "jackpot"}


accuracies = st.floats(0.85, 0.93)
tables = st.builds(
    lambda rates, seed, noise: study(dict(zip((0.01, 0.1, 1.0), rates, strict=False)), [0.3, 0.1]).assign(
        test_accuracy=lambda t: t["test_accuracy"] + np.random.default_rng(seed).normal(0, noise, len(t))
    ),
    st.lists(st.tuples(*[accuracies] * 4), min_size=1, max_size=3),
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.001, 0.01]),
)


def ends(found: Verdict, mode: str = "strict") -> tuple[int, int]:
    ruling = getattr(found, mode)
    return RANKED.index(ruling.at_least), RANKED.index(ruling.at_most)


def law(check: Callable[[pd.DataFrame], None]) -> Callable[[], None]:
    tested: Callable[[], None] = settings(max_examples=12, deadline=None)(given(tables)(check))
    return tested


@law
def test_a_verdict_is_at_most_as_good_strictly_as_literally(table: pd.DataFrame) -> None:
    for found in verdict(table):
        assert all(a <= b for a, b in zip(ends(found), ends(found, "literal"), strict=True))
        if len(table["lr"].unique()) == 1:
            assert ends(found) == ends(found, "literal")


@law
def test_better_tickets_never_have_a_worse_verdict(table: pd.DataFrame) -> None:
    better = table.assign(test_accuracy=table["test_accuracy"] + 0.01 * (table["arm"] == "ticket"))
    for before, after in zip(verdict(table), verdict(better), strict=True):
        for mode in ("strict", "literal"):
            assert all(a <= b for a, b in zip(ends(before, mode), ends(after, mode), strict=True))


@pytest.mark.slow
@law
def test_the_order_of_rows_and_what_all_arms_share_do_not_matter(table: pd.DataFrame) -> None:
    expected = [(ends(v), ends(v, "literal"), v.strict.rates) for v in verdict(table)]
    shared = table["test_accuracy"] + 0.01 * table["seed"]
    for other in (table.sample(frac=1, random_state=1), table.assign(test_accuracy=shared)):
        assert [(ends(v), ends(v, "literal"), v.strict.rates) for v in verdict(other)] == expected


@law
def test_a_verdict_is_what_its_conditions_say(table: pd.DataFrame) -> None:
    for ruling in (r for v in verdict(table) for r in (v.strict, v.literal)):
        conditions = list(ruling.conditions.values())
        needed = [c.state for c in conditions[:4]]
        if ruling.verdict == "jackpot":
            assert {*needed, conditions[4].state} == {"holds"}
        elif ruling.verdict == "secondary prize":
            assert (set(needed), conditions[4].state) == ({"holds"}, "fails")
        elif ruling.verdict == "no ticket":
            assert "fails" in needed
        for c in conditions[1:]:
            if c.state == "holds":
                assert c.threshold < c.difference.low <= c.difference.high
            if c.state == "fails":
                assert c.difference.high < c.threshold
