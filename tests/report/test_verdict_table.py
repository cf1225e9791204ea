import math

import pandas as pd

from lth_lightning.report.verdict_table import Cell, verdict_table

COLUMNS = ["arm", "round", "density", "mean", "low", "high", "n", "verdict", "p", "p_holm", "more", "reason"]
NAN = math.nan


def rows(*values: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame([dict(zip(COLUMNS, value, strict=True)) for value in values])


def cell(*values: object) -> Cell | None:
    (line,) = verdict_table(rows(("half_data", 1, 0.1, *values, ""))).lines
    return line.cells[0]


def test_a_drop_is_told_with_its_interval_and_its_adjusted_p_value() -> None:
    shown = cell(0.02, 0.01, 0.03, 3, "accuracy drops", 0.0132, 0.0264, NAN)
    assert shown == Cell("accuracy drops", "+2.00", "(+1.00 to +3.00)", "n = 3, p = 0.026", "")


def test_a_drop_below_the_tolerance_says_so() -> None:
    shown = cell(0.002, 0.001, 0.003, 3, "accuracy drops", 0.0001, 0.0002, NAN)
    assert shown == Cell("accuracy drops", "+0.20", "(+0.10 to +0.30)", "n = 3, p < 0.001", "by less than 0.5 points")


def test_a_rise_is_no_drop_and_says_so() -> None:
    shown = cell(-0.02, -0.03, -0.01, 3, "no drop", 0.01, 0.01, NAN)
    assert shown == Cell("no drop", "-2.00", "(-3.00 to -1.00)", "n = 3, p = 0.01", "accuracy rises")


def test_what_cannot_be_told_says_how_wide_and_how_many_more_seeds() -> None:
    remarks = {
        1.0: "2.00 points wide: about 1 more seed",
        7.0: "2.00 points wide: about 7 more seeds",
        math.inf: "2.00 points wide: more than 100 more seeds",
    }
    for more, remark in remarks.items():
        shown = cell(0.0, -0.01, 0.01, 3, "cannot tell", 1.0, 1.0, more)
        assert shown == Cell("cannot tell", "0.00", "(-1.00 to +1.00)", "n = 3, p = 1", remark)


def test_one_seed_and_equal_seeds_say_why_nothing_can_be_told() -> None:
    assert cell(0.02, NAN, NAN, 1, "cannot tell", NAN, NAN, NAN) == Cell(
        *("cannot tell", "+2.00", "", "n = 1", "one seed: no interval")
    )
    equal = cell(0.02, 0.02, 0.02, 2, "cannot tell", 1.0, 1.0, NAN)
    assert equal is not None
    assert equal.remark == "all seeds agree: spread unknown"


def test_checks_are_lines_and_falling_densities_columns() -> None:
    told = ("cannot tell", 1.0, 1.0, 3.0)
    table = verdict_table(
        rows(
            ("rearranged_mask", 1, 0.02, 0.0, -0.01, 0.01, 3, *told, ""),
            ("rearranged_mask", 2, 0.1, 0.0, -0.02, 0.02, 3, *told, ""),
            ("half_data", 2, 0.1, 0.0, -0.03, 0.03, 3, *told, ""),
            ("random_labels", NAN, NAN, NAN, NAN, NAN, 0, "not applicable", NAN, NAN, NAN, "no data"),
        )
    )
    assert table.densities == ["10 %", "2 %"]
    assert table.comparisons == 3
    assert [(line.arm.name, line.reason) for line in table.lines] == [
        *(("random_labels", "no data"), ("half_data", ""), ("rearranged_mask", ""))
    ]
    intervals = [[cell and cell.interval for cell in line.cells] for line in table.lines]
    assert intervals == [[], ["(-3.00 to +3.00)", None], ["(-2.00 to +2.00)", "(-1.00 to +1.00)"]]
