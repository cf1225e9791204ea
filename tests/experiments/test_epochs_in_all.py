"""How many epochs a network has cost: its own, and those of every training before it that it needs."""

from dataclasses import replace
from pathlib import Path

import pytest
import tiny
from fake import run

from lth_lightning.experiments import (
    AdmmPruning,
    CorruptedData,
    IterativePruning,
    OneShotPruning,
    Pruning,
    RandomTicket,
    RearrangedMask,
    Reinitialised,
    Rewind,
    ShuffledWeights,
    SmallDense,
)
from lth_lightning.sparsity import AtInit, Random

CONTROLS = [Reinitialised(), RearrangedMask(), ShuffledWeights(), CorruptedData(), RandomTicket(), SmallDense()]
SAME = ("ticket", "reinitialised", "rearranged_mask", "shuffled_weights", "corrupted_data")  # as a search takes as much


@pytest.mark.parametrize(
    ("experiment", "before"),
    [
        (IterativePruning(rounds=3), [3, 3 + 3, 3 + 3 + 3]),
        (OneShotPruning(densities=[0.5, 0.2]), [3, 3]),
        (OneShotPruning(densities=[0.5, 0.2], at="2ep"), [2, 2]),
        (OneShotPruning(densities=[0.5, 0.2], at="5it", rewind=Rewind(to="1ep")), [2, 2]),
        (OneShotPruning(densities=[0.5], at="1ep", rewind=Rewind(to="9it")), [3]),
        (OneShotPruning(densities=[0.5], at="0it", rewind=Rewind("trained")), [3]),
        (AdmmPruning(densities=[0.5, 0.2]), [3 + 3, 3 + 3]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Pruning) else str(value),
)
def test_tickets_and_their_controls_tell_the_epochs_before_them(
    experiment: Pruning, before: list[int], tmp_path: Path
) -> None:
    """Every training of the fake recipe has 3 epochs of 4 steps."""
    experiment = replace(experiment, controls=CONTROLS)
    recipe = run(experiment, tmp_path)
    for arm in set(SAME) - experiment.inapplicable.keys():
        assert [ticket.spent for ticket in recipe.tickets(arm)] == before, arm
    for arm in ("dense", "random_ticket", "small_dense"):
        assert {ticket.spent for ticket in recipe.tickets(arm)} == {0}, arm
    assert {ticket.spent for ticket in recipe.tickets("admm")} <= {3}


def test_a_ticket_that_is_found_before_training_has_cost_nothing_before(tmp_path: Path) -> None:
    recipe = run(OneShotPruning(densities=[0.5]).taking(AtInit(0.5, Random())), tmp_path)
    assert [ticket.spent for ticket in recipe.tickets("ticket")] == [0]


def test_rows_tell_them_with_the_epochs_that_are_left_after_rewinding(tmp_path: Path) -> None:
    """3 epochs dense; a ticket goes on after the first, so it has 2 of its own; a reinitialised one has all 3."""
    experiment = IterativePruning(
        rounds=2, keep=0.5, rewind=Rewind(to="1ep"), controls=[Reinitialised(), RandomTicket()]
    )
    results = experiment.run(tiny.recipe(tmp_path), tmp_path)
    told = [(r.row["arm"], r.row["round"], r.row["epochs"], r.row["epochs_in_all"]) for r in results]
    assert told == [
        ("dense", 0, 3, 3),
        ("ticket", 1, 2, 3 + 2),
        ("ticket", 2, 2, 3 + 2 + 2),
        ("reinitialised", 1, 3, 3 + 3),
        ("random_ticket", 1, 3, 3),
        ("reinitialised", 2, 3, 3 + 2 + 3),
        ("random_ticket", 2, 3, 3),
    ]
