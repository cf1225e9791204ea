"""What to know before believing the numbers: seeds of which some learn and others do not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lth_lightning.report import read
from lth_lightning.report.notes import notes, notes_of_study
from lth_lightning.report.settings import settings

LEARNS, GUESSES = 0.97, 0.1135  # of validation; of test 0.4 points less


@pytest.mark.parametrize(
    ("accuracies", "told"),
    [
        ([LEARNS, GUESSES, 0.98, GUESSES], "reinitialised in 2 of 4, down to 10.9 % beside 97.6 %."),
        ([LEARNS, 0.95, 0.98], None),
        ([GUESSES, 0.1, 0.11], None),  # a mean of these is what it says
        ([0.0105, 0.004], None),  # of a hundred classes: chance, either
    ],
)
def test_seeds_that_hardly_learn_beside_others_that_do_are_named(
    accuracies: list[float], told: str | None, tmp_path: Path, write_training: Callable[..., None]
) -> None:
    for seed, accuracy in enumerate(accuracies):
        for arm, round, own in (
            ("dense", 0, 0.99),
            ("ticket", 1, LEARNS),
            ("reinitialised", 1, accuracy),
            ("reinitialised_other_noise", 1, accuracy),  # a copy, of which that says nothing more
        ):
            write_training(tmp_path, arm=arm, seed=seed, round=round, accuracy=own, epochs=1)
    found = [note for note in notes(read(tmp_path)) if "hardly learn" in note]
    assert len(found) == (told is not None)
    if told is not None:
        assert "some seeds hardly learn: " + told in found[0]


def test_a_study_names_the_settings_and_counts_those_beyond_six(
    tmp_path: Path, write_study: Callable[..., Path]
) -> None:
    rates = [rate / 10 for rate in range(1, 9)]
    table = read(write_study(tmp_path, seeds=2, methods=("imp",), grid={"lr": rates}, densities=(0.5,)))
    table.loc[(table["arm"] == "ticket") & (table["seed"] == 1), "test_accuracy"] = GUESSES
    told = [note for note in notes_of_study(table, settings(table)) if "hardly learn" in note]
    assert len(told) == 7
    assert told[0].startswith("imp, lr 0.1: With 50 % of the weights some seeds hardly learn: ticket in 1 of 2, ")
    assert told[6] == "There are 2 more densities at which some seeds hardly learn."
