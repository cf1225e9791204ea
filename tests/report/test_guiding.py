import pytest

from lth_lightning.claims import Bar
from lth_lightning.report.conditions import Answer
from lth_lightning.report.guide_table import guide
from lth_lightning.report.guiding import main_sentence
from lth_lightning.report.ruling import Condition, Rate, Ruling
from lth_lightning.report.setting import Setting
from lth_lightning.report.verdict import Verdict

ANSWERS: dict[str, Answer] = {"J": "jackpot", "S": "secondary prize", "-": "no ticket", "?": "cannot tell"}


def verdicts(told: dict[float, dict[Rate, str]]) -> list[Verdict]:
    """By density and learning rate: a letter, and after it another for what the means say."""
    found = []
    for number, (density, rates) in enumerate(told.items(), start=1):
        sure = {rate: ANSWERS[letters[0]] for rate, letters in rates.items()}
        means = {rate: ANSWERS[letters[-1]] for rate, letters in rates.items()}
        first = Condition("holds", "holds") if density < 0.4 else Condition("fails", "fails")
        ruling = Ruling(*["cannot tell"] * 5, {1: first}, 0.0, sure, means)  # type: ignore[arg-type]
        found.append(Verdict(number, density, ruling, ruling))
    return found


IMP = Setting("imp", (("length", "long"),))
OMP = Setting("omp", (("length", "long"),))


def test_the_table_has_a_line_per_setting_and_learning_rate_and_a_column_per_density_that_can_win() -> None:
    found = {
        IMP: verdicts({0.5: {0.1: "-", 1.0: "-"}, 0.2: {0.1: "J", 1.0: "S"}, 0.1: {0.1: "?S", 1.0: "??"}}),
        OMP: verdicts({0.2: {0.1: "-"}}),
    }
    told = guide(found, Bar())
    assert (told.axes, told.densities) == (["method", "length", "lr"], ["20", "10"])
    lines = [(values, [mark and (mark.text, mark.kind) for mark in marks]) for values, marks in told.lines]
    assert lines == [
        (["imp", "long", "0.1"], [("J", "jackpot"), ("S?", "open")]),
        (["imp", "long", "1"], [("S", "prize"), ("?", "open")]),
        (["omp", "long", "0.1"], [("\u2013", "none"), None]),
    ]
    assert told.lines[0][1][1] is not None
    assert told.lines[0][1][1].meaning == "cannot tell; by means alone secondary prize"


def test_what_no_setting_has_is_no_column() -> None:
    assert guide({Setting(""): verdicts({0.2: {None: "J"}})}, Bar()).axes == []


def test_densities_that_cannot_win_are_shown_where_there_are_no_others() -> None:
    told = guide({IMP: verdicts({0.6: {0.1: "-"}})}, Bar())
    assert [mark and mark.kind for _, marks in told.lines for mark in marks] == ["trivial"]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({}, "No verdict on winning tickets: it takes tickets, reinitialised tickets and dense networks."),
        ({IMP: {0.5: {0.1: "-"}, 0.2: {0.1: "-", 1.0: "-"}}}, "There is no winning ticket in 2 settings."),
        (
            {IMP: {0.5: {0.1: "?J"}, 0.2: {0.1: "?S", 1.0: "?J"}, 0.1: {0.1: "-", 1.0: "?-"}}},
            "No winning ticket is sure in 2 settings; 3 of 4 verdicts are open, 2 of which win by means alone.",
        ),
        (
            {IMP: {0.2: {0.1: "S", 1.0: "S"}, 0.1: {0.1: "S", 1.0: "S"}}, OMP: {0.1: {0.1: "J", 1.0: "-"}}},
            "Winning tickets in 3 of 4 settings: imp, length long: secondary prize with lr 0.1 and 1 (down to 10 % of "
            "the weights); omp, length long: jackpot with lr 0.1 (down to 10 % of the weights).",
        ),
        (
            {Setting(""): {0.2: {None: "J"}, 0.1: {None: "??"}}},
            "Winning tickets in 1 of 1 setting: jackpot (down to 20 % of the weights); 1 of 2 verdicts are open, none "
            "of which wins by means alone.",
        ),
    ],
)
def test_the_sentence_names_what_surely_won_and_counts_what_is_open(
    told: dict[Setting, dict[float, dict[Rate, str]]], sentence: str
) -> None:
    assert main_sentence({setting: verdicts(own) for setting, own in told.items()}) == sentence


def test_the_sentence_names_a_few_winners_and_counts_the_others() -> None:
    many = {Setting(f"m{number}"): verdicts({0.2: {0.1: "J"}}) for number in range(6)}
    text = main_sentence(many)
    assert text.startswith("Winning tickets in 6 of 6 settings: m0: jackpot")
    assert text.endswith("m3: jackpot with lr 0.1 (down to 20 % of the weights), and 2 more.")
