import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lth_lightning.report import read, verdict, write_report
from lth_lightning.report.intervals import Interval
from lth_lightning.report.ruling import Condition, Ruling
from lth_lightning.report.verdict import Verdict
from lth_lightning.report.winning import Cell, lines

HOLDS = Condition("holds", "holds", Interval(0.0120, 0.0060, 0.0180, 3), 0.005, 0.1)
OPEN = Condition("cannot tell", "fails", Interval(-0.0100, -0.0150, -0.0010, 3), -0.005, 0.1, 4)
MISSING = Condition("not measured", "not measured", threshold=0.005)
TOLD = {n: HOLDS for n in (1, 2, 3, 4, 5)} | {1: Condition("holds", "holds")}
JACKPOT = Ruling("jackpot", "jackpot", "jackpot", "jackpot", "jackpot", TOLD, 0, {0.1: "jackpot", 0.5: "no ticket"})


def remarks(ruling: Ruling) -> list[str]:
    (line,) = lines([Verdict(1, 0.2, ruling, ruling)])
    return line.verdict.remarks


def test_a_line_has_the_verdict_and_five_conditions_with_their_numbers() -> None:
    (line,) = lines([Verdict(1, 0.2, JACKPOT, JACKPOT)])
    assert (line.density, line.mode) == ("20 %", "")
    assert line.verdict == Cell("jackpot", "", "", ["means only: jackpot"])
    assert line.conditions[0] == Cell("holds", "", "", [])
    assert line.conditions[1:] == [Cell("holds", "+1.20", "(+0.60 to +1.80)", ["n = 3, rate 0.1"])] * 4


def test_a_single_learning_rate_goes_without_saying() -> None:
    alone = replace(JACKPOT, rates={None: "jackpot"}, conditions=TOLD | {4: OPEN})
    (line,) = lines([Verdict(1, 0.2, alone, alone)])
    assert line.conditions[1].remarks == ["n = 3"]
    assert line.conditions[3].remarks == ["n = 3", "its mean fails"]


def test_the_literal_reading_is_shown_where_it_differs() -> None:
    strict = replace(JACKPOT, verdict="no ticket", conditions=TOLD | {4: replace(HOLDS, state="fails")})
    found = lines([Verdict(1, 0.2, JACKPOT, strict), Verdict(2, 0.1, JACKPOT, JACKPOT)])
    assert [(line.density, line.mode) for line in found] == [("20 %", "strict"), ("20 %", "literal"), ("10 %", "")]


def test_an_open_verdict_tells_what_is_known_and_what_would_settle_it() -> None:
    unclear = replace(JACKPOT, verdict="cannot tell", at_least="secondary prize", more=4)
    assert remarks(unclear)[:-1] == ["at least secondary prize", "about 4 more seeds"]
    assert remarks(replace(unclear, more=1))[-2] == "about 1 more seed"
    assert remarks(replace(unclear, more=math.inf))[-2] == "more than 100 more seeds"
    assert remarks(replace(unclear, more=math.nan))[-2] == "all seeds agree: spread unknown"
    one = replace(HOLDS, difference=Interval(0.1, math.nan, math.nan, 1))
    assert remarks(replace(unclear, more=math.nan, conditions=TOLD | {3: one}))[-2] == "run two seeds or more"
    low = replace(unclear, at_least="no ticket", at_most="secondary prize")
    assert remarks(low)[:-1] == ["at most secondary prize", "about 4 more seeds"]


def test_a_missing_arm_is_asked_for() -> None:
    lacking = TOLD | {2: MISSING}
    unclear = replace(JACKPOT, verdict="cannot tell", at_least="no ticket", as_means="cannot tell", conditions=lacking)
    assert remarks(unclear) == ["jackpot if 2 held", "train small dense networks", "means only: jackpot if 2 held"]
    assert remarks(replace(unclear, more=3))[:2] == ["train small dense networks", "about 3 more seeds"]


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(-math.inf, 0.01, "(below +1.00)"), (0.01, math.inf, "(above +1.00)"), (math.nan, math.nan, "")],
)
def test_a_bound_on_one_side_says_which(low: float, high: float, text: str) -> None:
    one_sided = replace(OPEN, difference=Interval(0.0, low, high, 3))
    ruling = replace(JACKPOT, conditions=TOLD | {3: one_sided})
    (line,) = lines([Verdict(1, 0.2, ruling, ruling)])
    assert line.conditions[2].interval == text


@pytest.fixture(name="section")
def section_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """The words of the section on the page of a folder, which is written without figures to save time."""
    monkeypatch.setattr("lth_lightning.report.page.draw", lambda *_: {})
    monkeypatch.setattr("lth_lightning.report.study._draw", lambda *_: {})

    def words() -> str:
        source = write_report(tmp_path).read_text().partition("Is it a winning ticket?")[2].partition("<h2>")[0]
        return " ".join(re.sub(r"<[^>]*>", " ", source).split())

    return words


def test_the_page_of_several_learning_rates_judges_them_together(
    tmp_path: Path, write_training: Callable[..., None], section: Callable[[], str]
) -> None:
    means = {0.01: (0.90, 0.90, 0.85, 0.84), 0.1: (0.92, 0.87, 0.87, 0.84)}
    for rate, values in means.items():
        for place, arm in enumerate(("dense", "ticket", "reinitialised", "small_dense")):
            for seed in range(3):
                accuracy = values[place] + 0.0004 * ((seed + place) % 3)
                rest = {"epochs": 1, "lr": rate, "where": f"{arm}-{rate}-{seed}"}
                write_training(tmp_path, arm=arm, seed=seed, round=2 * (place > 0), accuracy=accuracy, **rest)
    (found,) = verdict(read(tmp_path))
    assert found.strict.rates == {0.01: "secondary prize", 0.1: "no ticket"}
    text = section()
    assert "36 % secondary prize means only: secondary prize holds holds" in text
    assert "Strictly, conditions 3 to 5 hold at one learning rate of the tickets" in text
    assert text.count("rate 0.01") == 4


def test_the_page_asks_only_where_tickets_dense_and_reinitialised_networks_are(
    tmp_path: Path, write_training: Callable[..., None], section: Callable[[], str]
) -> None:
    for arm, number in (("dense", 0), ("ticket", 2)):
        write_training(tmp_path, arm=arm, seed=0, round=number, accuracy=0.9, epochs=1)
    assert section() == ""
    write_training(tmp_path, arm="reinitialised", seed=0, round=2, accuracy=0.8, epochs=1)
    settled_by = "train small dense networks run two seeds or more"
    assert f"cannot tell {settled_by} means only: jackpot if 2 held" in section()
