import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lth_lightning.claims import Claim
from lth_lightning.report import read
from lth_lightning.report.claim_table import claim_line
from lth_lightning.report.claiming import judge

Cell = tuple[str | None, str, float, dict[str, Any]]  # method, arm, density, point


def results(
    cells: dict[Cell | tuple[Any, ...], Sequence[float]], grid: dict[str, list[Any]] | None = None
) -> pd.DataFrame:
    """Accuracies of seeds 0, 1, ... by cell; NaN where one has not finished."""
    rows = [
        {"method": method, "arm": arm, "density_asked": density, "density": density, "round": 0, "point": point}
        | {"seed": seed, "test_accuracy": value, "lr": point.get("lr", math.nan)}
        for (method, arm, density, *at), values in cells.items()
        for point in [dict(at)]
        for seed, value in enumerate(values)
        if not math.isnan(value)
    ]
    table = pd.DataFrame(rows)
    table["method"] = table["method"].astype(object).where(table["method"].notna(), None)
    table.attrs = {"grid": grid or {}, "study": "one" if grid else None}
    return table


def one_claim(lies: str | None = "above", by: float = 0.0, of: str = "ticket", **rest: Any) -> Claim:
    return Claim("it is so", of, lies=None if "moves" in rest else lies, by=by, **rest)  # type: ignore[arg-type]


def plain(differences: Sequence[float]) -> pd.DataFrame:
    base = [0.9, 0.7, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1][: len(differences)]  # seeds differ by far more than arms
    return results(
        {
            (None, "dense", 1.0): base,
            (None, "ticket", 0.2): [b + d for b, d in zip(base, differences, strict=True)],
        }
    )


def test_the_interval_is_that_of_the_differences_of_seeds() -> None:
    differences = [0.010, 0.014, 0.009]
    found = judge(one_claim(minus="dense"), plain(differences)).interval
    low, high = stats.t.interval(0.95, 2, np.mean(differences), stats.sem(differences))
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((0.011, low, high, 3))


@pytest.mark.parametrize(
    ("lies", "by", "answer"),
    [  # the interval of 1 and 2 points is 1.5 ± 12.706 * 0.5: -4.853 to 7.853
        ("above", -0.0486, "supported"),
        ("above", -0.0485, "cannot tell"),
        ("above", 0.0785, "cannot tell"),
        ("above", 0.0786, "refuted"),
        ("below", 0.0786, "supported"),
        ("below", 0.0785, "cannot tell"),
        ("below", -0.0485, "cannot tell"),
        ("below", -0.0486, "refuted"),
        ("within", 0.0786, "supported"),
        ("within", 0.0785, "cannot tell"),
    ],
)
def test_a_claim_is_supported_inside_and_refuted_outside_of_its_region(lies: str, by: float, answer: str) -> None:
    assert judge(one_claim(lies, by, minus="dense"), plain([0.01, 0.02])).answer == answer


@pytest.mark.parametrize("sign", [1, -1])
def test_within_is_refuted_by_an_interval_on_either_side(sign: int) -> None:
    differences = [sign * d for d in (0.020, 0.021, 0.022)]
    assert judge(one_claim("within", 0.005, minus="dense"), plain(differences)).answer == "refuted"


@pytest.mark.parametrize(
    ("paper", "by", "answer"),
    [  # the interval is -4.853 to 7.853 points
        (0.015, 0.0636, "supported"),
        (0.015, 0.0635, "cannot tell"),
        (0.1, 0.02, "refuted"),
        (-0.1, 0.05, "refuted"),
        (-0.1, 0.06, "cannot tell"),
    ],
)
def test_near_is_about_the_papers_number(paper: float, by: float, answer: str) -> None:
    near = Claim("near", "ticket", minus="dense", at={"density": 0.2}, lies="near", by=by, paper=paper)
    assert judge(near, plain([0.01, 0.02])).answer == answer
    asked = claim_line(judge(near, plain([0.01, 0.02]))).asks
    assert asked.endswith(f"{100 * paper:+.2f} points ± {100 * by:.2f} points")


@given(st.lists(st.integers(-300, 300), min_size=2, max_size=6), st.integers(-200, 200))
def test_what_supports_above_refutes_below_and_the_other_way_round(values: list[int], by: int) -> None:
    table = plain([value / 1e4 for value in values])
    opposite = {"supported": "refuted", "refuted": "supported", "cannot tell": "cannot tell"}
    above, below = (judge(one_claim(lies, by / 1e4, minus="dense"), table) for lies in ("above", "below"))
    assert below.answer == opposite[above.answer]
    assert below.more == pytest.approx(above.more, nan_ok=True)


@given(st.lists(st.integers(-300, 300), min_size=3, max_size=6, unique=True), st.integers(1, 200))
def test_so_many_more_seeds_of_the_same_mean_and_spread_settle_it(values: list[int], by: int) -> None:
    differences = np.array(values) / 1e4
    found = judge(one_claim("within", by / 1e4, minus="dense"), plain(differences.tolist()))

    def settled(more: int) -> bool:
        n = len(values) + more
        half = stats.t.ppf(0.975, n - 1) * differences.std(ddof=1) / math.sqrt(n)
        low, high = differences.mean() - half, differences.mean() + half
        return bool((-by / 1e4 < low and high < by / 1e4) or low > by / 1e4 or high < -by / 1e4)

    assert (found.answer == "cannot tell") == (not settled(0))
    first = next((more for more in range(101) if settled(more)), math.inf)
    assert found.more == first


def test_one_seed_and_seeds_that_agree_exactly_tell_nothing() -> None:
    for differences in ([0.3], [0.25, 0.25]):
        found = judge(one_claim(of="ticket"), results({(None, "ticket", 0.2): differences}))
        assert found.answer == "cannot tell"
        assert math.isnan(found.more)


def test_true_claims_are_refuted_in_at_most_five_of_two_hundred_cases() -> None:
    draw = np.random.default_rng(1)
    answers = [
        judge(one_claim("above", 0.0, minus="dense"), plain(draw.normal(0, 0.01, 3).tolist())).answer
        for _ in range(400)
    ]
    # At the edge of the region each side is reached in 2.5 of 100 cases: 10 ± 3.1 of 400.
    assert answers.count("refuted") <= 20
    assert answers.count("supported") <= 20


GRID = {"lr": [0.1, 0.01], "length": ["short", "long"]}


def gap_by_rate(rate: float, length: str = "long", **rest: Any) -> dict[tuple[Any, ...], Sequence[float]]:
    """Tickets of two methods beside what they share; the gap of imp is the rate, that of omp half of it."""
    at = (("lr", rate), ("length", length))
    seeds = np.array([0.0, 0.001, 0.0031])
    return {
        (None, "dense", 1.0, *at): 0.9 + seeds,
        (None, "small_dense", 0.0859, *at): 0.5 + seeds,
        ("imp", "ticket", 0.0859, *at): 0.8 + rate + seeds * 1.1,
        ("imp", "reinitialised", 0.0859, *at): 0.8 + seeds,
        ("omp", "ticket", 0.086, *at): 0.8 + rate / 2 + seeds * 1.3,
        ("omp", "ticket", 0.5, *at): 0.85 + seeds,
        ("omp", "reinitialised", 0.086, *at): 0.8 + seeds,
    }


@pytest.mark.parametrize(
    ("of", "minus", "mean"),
    [
        ("imp/ticket", "imp/reinitialised", 0.1),
        ("omp/ticket", "omp/reinitialised", 0.05),
        ("imp/ticket", "omp/ticket", 0.05),
        ("imp/ticket", "dense", 0.0),
        ("omp/ticket", "small_dense", 0.35),
        ("small_dense", None, 0.501366667),
        ("dense", "small_dense", 0.4),
    ],
)
def test_arms_of_a_study_are_named_with_their_method(of: str, minus: str | None, mean: float) -> None:
    table = results(gap_by_rate(0.1) | gap_by_rate(0.01) | gap_by_rate(0.1, "short"), GRID)
    found = judge(one_claim(of=of, minus=minus, at={"lr": 0.1, "length": "long", "density": 0.085}), table)
    assert found.interval.mean == pytest.approx(mean, abs=0.002)
    assert found.interval.n == 3


def test_the_method_may_be_left_out_where_there_is_one() -> None:
    table = results({("imp", "ticket", 0.2): [0.9, 0.91], ("imp", "reinitialised", 0.2): [0.8, 0.805]}, {"x": [1]})
    assert judge(one_claim(minus="reinitialised"), table).interval.mean == pytest.approx(0.1025)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (one_claim(of="imp/ticket", at={"lr": 0.1}), "is at length any of short, long: fix it by `at`"),
        (one_claim(of="imp/ticket", at={"lr": 0.3, "length": "long"}), "is at lr 0.3, of 0.1, 0.01"),
        (one_claim(of="ticket", at={"lr": 0.1, "length": "long"}), "of which method? Write imp/ticket or omp/ticket"),
        (one_claim(of="omp/ticket", at={"lr": 0.1, "length": "long"}), "is at density any of 0.5, 0.086: fix it"),
        (one_claim(of="dense", at={"lr": 0.1, "length": "long"}, metric="f1"), "about f1, which results lack"),
    ],
)
def test_what_is_ambiguous_is_refused(wrong: Claim, text: str) -> None:
    table = results(gap_by_rate(0.1) | gap_by_rate(0.01), GRID)
    with pytest.raises(ValueError, match="it is so") as refusal:
        judge(wrong, table)
    assert text in str(refusal.value)


@pytest.mark.parametrize(
    "missing",
    [
        one_claim(of="rigl/ticket", at={"lr": 0.1, "length": "long"}),
        one_claim(of="imp/ticket", at={"lr": 0.1, "length": "short", "density": 0.0859}),
        one_claim(of="imp/ticket", at={"lr": 0.1, "length": "long", "density": 0.3}),
        one_claim(of="dense", at={"lr": 0.1, "length": "short"}),
        one_claim(of="dense", moves="rises", along="length", at={"lr": 0.01}),
        one_claim(of="imp/ticket", moves="rises", along="length", at={"lr": 0.1, "density": 0.0859}),
        one_claim(of="imp/ticket", moves="rises", along="density", at={"lr": 0.1, "length": "long"}),
    ],
)
def test_what_has_not_been_trained_yet_is_not_finished(missing: Claim) -> None:
    found = judge(missing, results(gap_by_rate(0.1) | gap_by_rate(0.01), GRID))
    assert (found.answer, found.interval.n) == ("not finished", 0)


def test_seeds_that_lack_a_training_are_left_out() -> None:
    table = results({(None, "dense", 1.0): [0.9, math.nan, 0.8], (None, "ticket", 0.2): [0.91, 0.95, 0.812, 0.7]})
    assert judge(one_claim(minus="dense"), table).interval.n == 2


def line(values: Sequence[float], places: Sequence[Any], axis: str = "lr") -> dict[tuple[Any, ...], Sequence[float]]:
    """Tickets of three seeds, which differ in their level and a little in their slope, beside dense networks."""
    cells: dict[tuple[Any, ...], Sequence[float]] = {}
    for step, (value, place) in enumerate(zip(values, places, strict=True)):
        cells["imp", "ticket", 0.2, (axis, place)] = [value + 0.1 * s + 1e-4 * s * step for s in range(3)]
        cells[None, "dense", 1.0, (axis, place)] = [0.9 + 0.01 * step] * 3
    return cells


def test_a_slope_is_the_least_squares_line_over_the_places_of_rising_numbers() -> None:
    # As given: 0.1, 0.001, 0.01. In rising order of the rates the accuracies are 0.30, 0.36, 0.32.
    table = results(line([0.32, 0.30, 0.36], [0.1, 0.001, 0.01]), {"lr": [0.1, 0.001, 0.01]})
    found = judge(one_claim(of="imp/ticket", moves="rises", along="lr"), table).interval
    by_seed = []
    for s in range(3):
        values = [0.30 + 1e-4 * s, 0.36 + 2e-4 * s, 0.32]
        by_seed.append(np.polyfit([0, 1, 2], values, 1)[0])
    assert (found.mean, found.half_width) == pytest.approx(
        (np.mean(by_seed), stats.t.ppf(0.975, 2) * stats.sem(by_seed))
    )


def test_labels_are_in_the_order_of_the_grid() -> None:
    values = {"shallow": 0.3, "deep": 0.4, "deeper": 0.5}
    table = results(line(list(values.values()), list(values), "depth"), {"depth": list(values)})
    rises = judge(one_claim(of="ticket", moves="rises", along="depth"), table)
    assert (rises.answer, rises.interval.mean) == ("supported", pytest.approx(0.1, abs=1e-3))
    backwards = results(line(list(values.values()), list(values), "depth"), {"depth": list(values)[::-1]})
    assert judge(one_claim(of="ticket", moves="rises", along="depth"), backwards).answer == "refuted"
    assert judge(one_claim(of="ticket", moves="falls", along="depth"), backwards).answer == "supported"


@pytest.mark.parametrize(
    ("moves", "by", "answer"),
    [
        ("rises", 0.0, "supported"),
        ("rises", 0.019, "supported"),
        ("rises", 0.0201, "cannot tell"),
        ("rises", 0.021, "refuted"),
        ("falls", 0.0, "refuted"),
    ],
)
def test_a_move_has_to_be_larger_than_by_at_every_step(moves: str, by: float, answer: str) -> None:
    table = results(line([0.30, 0.32, 0.34], [1, 2, 3]), {"lr": [1, 2, 3]})
    assert judge(one_claim(of="ticket", moves=moves, along="lr", by=by), table).answer == answer


def test_the_difference_of_arms_moves_too() -> None:
    table = results(line([0.30, 0.32, 0.34], [1, 2, 3]), {"lr": [1, 2, 3]})  # dense rises by 0.01 a step
    found = judge(one_claim(of="ticket", minus="dense", moves="rises", along="lr"), table)
    assert (found.answer, found.interval.mean) == ("supported", pytest.approx(0.0101, abs=1e-4))


def test_along_density_accuracy_moves_from_dense_to_sparse() -> None:
    cells: dict[tuple[Any, ...], Sequence[float]] = {
        ("imp", "ticket", density): [value, value + 0.11, value + 0.32 + step / 1e3]
        for step, (density, value) in enumerate(((0.5, 0.40), (0.1, 0.38), (0.02, 0.36)))
    }
    cells[None, "dense", 1.0] = [0.4, 0.5, 0.7]
    table = results(cells, {"x": [1]})
    for minus in (None, "dense"):
        found = judge(one_claim(of="ticket", minus=minus, moves="falls", along="density", by=0.01), table)
        assert (found.answer, found.interval.mean) == ("supported", pytest.approx(-0.02, abs=1e-3))


def test_a_seed_without_one_of_the_values_has_no_slope() -> None:
    cells = line([0.30, 0.32], [1, 2])
    cells["imp", "ticket", 0.2, ("lr", 2)] = [0.32, 0.42]
    assert judge(one_claim(of="ticket", moves="rises", along="lr"), results(cells, {"lr": [1, 2]})).interval.n == 2
    one = results(line([0.30], [1]), {"lr": [1, 2]})
    assert judge(one_claim(of="ticket", moves="rises", along="lr"), one).answer == "not finished"


def test_the_folder_of_a_study_is_judged(tmp_path: Path, write_study: Callable[..., Path]) -> None:
    table = read(write_study(tmp_path))
    at = {"lr": 0.005, "density": 0.086}
    assert judge(one_claim(by=0.005, of="imp/ticket", minus="imp/reinitialised", at=at), table).answer == "supported"
    above_dense = one_claim("above", -0.005, of="imp/ticket", minus="dense", at={"lr": 0.1, "density": 0.086})
    assert judge(above_dense, table).answer == "refuted"


def test_an_experiment_without_axes_may_name_its_learning_rate(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    for seed, accuracy in enumerate((0.9, 0.92)):
        write_training(tmp_path, arm="ticket", seed=seed, round=2, accuracy=accuracy, epochs=1, lr=0.1)
    found = judge(one_claim(at={"lr": 0.1, "density": 0.36}, metric="val_accuracy"), read(tmp_path))
    assert found.interval.mean == pytest.approx(0.91)
    with pytest.raises(ValueError, match=r"at lr 0.2, of 0.1"):
        judge(one_claim(at={"lr": 0.2}), read(tmp_path))
