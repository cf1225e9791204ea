"""Iterative pruning whose rounds are repelled from, or attracted to, the networks of all rounds before."""

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import tiny
from fake import run
from lightning.pytorch import Callback

from lth_lightning.analysis import distance
from lth_lightning.experiments import (
    CorruptedData,
    IterativePruning,
    RandomTicket,
    Reinitialised,
    Result,
    Rewind,
    SmallDense,
    Study,
    Ticket,
)
from lth_lightning.training import Repel


def repelled_from(ticket: Ticket, root: Path) -> list[str]:
    """The trainings whose networks a ticket is repelled from."""
    optima = [path for callback in ticket.callbacks() if isinstance(callback, Repel) for path in callback.optima]
    assert all(path.name == "last.ckpt" for path in optima)
    return [path.parent.relative_to(root).as_posix() for path in optima]


def test_every_round_is_repelled_from_all_before_it_and_so_are_its_controls(tmp_path: Path) -> None:
    controls = [Reinitialised(), RandomTicket()]
    recipe = run(IterativePruning(rounds=4, keep=0.5, repel=2.0, controls=controls), tmp_path)
    (dense,) = recipe.tickets("dense")
    assert (dense.callbacks(), dense.labels) == ((), {})
    for arm in ("ticket", "reinitialised", "random_ticket"):
        for number, ticket in enumerate(recipe.tickets(arm), start=1):
            assert repelled_from(ticket, tmp_path) == [f"round-{before:02}" for before in range(number)]
            assert [callback.strength for callback in ticket.callbacks()] == [2.0]
            assert ticket.labels == {"repel": 2.0}
            one, other = ticket.callbacks(), ticket.callbacks()
            assert one[0] is not other[0], "every training has its own"


def test_without_it_nothing_is_added(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=2, keep=0.5, controls=[Reinitialised()]), tmp_path)
    assert all((ticket.callbacks(), ticket.labels) == ((), {}) for ticket, _ in recipe.trained)


def test_a_search_with_other_data_is_repelled_from_its_own_networks(tmp_path: Path) -> None:
    experiment = IterativePruning(rounds=3, keep=0.5, repel=2.0, controls=[CorruptedData()], controls_at=[3])
    recipe = run(experiment, tmp_path)
    search = [f"corrupted_data/search/round-{number:02}" for number in range(3)]
    found = [repelled_from(ticket, tmp_path) for ticket in recipe.tickets("pretraining")]
    assert found == [[], search[:1], search[:2]]
    (control,) = recipe.tickets("corrupted_data")
    assert repelled_from(control, tmp_path) == ["round-00", "round-01", "round-02"], "trained as the ticket is"


def test_what_a_study_shares_is_repelled_from_nothing(tmp_path: Path) -> None:
    repelled = IterativePruning(rounds=2, keep=0.5, repel=2.0, controls=[SmallDense(), Reinitialised()])
    plain = IterativePruning(rounds=2, keep=0.5, controls=[SmallDense()])
    recipe = run(Study(methods={"repelled": repelled, "plain": plain}), tmp_path)
    for ticket, where in recipe.trained:
        number = ticket.round if where.startswith("repelled/") else 0
        expected = ["dense", "repelled/round-01"][:number]
        assert repelled_from(ticket, tmp_path) == expected, where
        assert ticket.labels == ({"repel": 2.0} if number else {})


@pytest.mark.parametrize("repel", [float("nan"), float("inf")])
def test_a_strength_that_is_no_number_is_refused(repel: float) -> None:
    with pytest.raises(ValueError, match=f"repel is {repel}: give a number such as 2 to repel, -1 to attract"):
        IterativePruning(repel=repel)


def squared_cosines(results: list[Result]) -> list[float]:
    """Mean squared cosine of each round's network with all before it, on the weights that it keeps."""
    states = [tiny.weights(result.trained) for result in results]
    weights = [{name: state[name] for name in result.mask} for state, result in zip(states, results, strict=True)]
    return [
        fmean((1 - distance(weights[n], other, "cosine", (results[n].mask, None))) ** 2 for other in weights[:n])
        for n in range(1, len(results))
    ]


def test_repelled_networks_end_further_from_all_before_them_and_attracted_ones_nearer(tmp_path: Path) -> None:
    found = {}
    for repel in (2.0, 0.0, -1.0):
        root = tmp_path / str(repel)
        results = IterativePruning(rounds=2, keep=0.8, repel=repel).run(tiny.recipe(root), root)
        found[repel] = squared_cosines(results)
        for number, (result, value) in enumerate(zip(results[1:], found[repel], strict=True), start=1):
            curve = [json.loads(line) for line in (result.folder / "metrics.jsonl").read_text().splitlines()]
            assert result.row["round"] == number
            assert result.row.get("repel", 0.0) == repel
            assert all(("repellent_loss" in row) == bool(repel) for row in (result.row, *curve))
            assert curve[-1].get("repellent_loss", 0.0) == pytest.approx(repel * value, rel=1e-4)
        assert not {"repel", "repellent_loss"} & results[0].row.keys()
    for away, alone, towards in zip(found[2.0], found[0.0], found[-1.0], strict=True):
        assert away < alone - 0.05
        assert towards > alone + 0.01


def test_a_small_dense_network_beside_repelled_tickets_is_trained_on_its_own(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=2, keep=0.5, repel=2.0, controls=[SmallDense()]), tmp_path)
    assert all((ticket.callbacks(), ticket.labels) == ((), {}) for ticket in recipe.tickets("small_dense"))


class Began(Callback):
    """Notes the step that each training begins at."""

    def __init__(self, steps: list[int]) -> None:
        self.steps = steps

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.steps.append(trainer.global_step)


def arrange(root: Path, *callbacks: Callback, **options: Any) -> list[Result]:
    """A dense training and two tickets: 12, 9 and 9 batches."""
    experiment = IterativePruning(rounds=2, keep=0.5, repel=2.0, rewind=Rewind(to="3it"))
    return experiment.run(tiny.recipe(root, save_seconds=0, callbacks=lambda: callbacks, **options), root)


@pytest.mark.parametrize(
    ("batches", "options"),
    [
        ((15, 26), {}),
        pytest.param((13, 14, 17, 20, 22, 25, 29), {}, marks=pytest.mark.slow),
        pytest.param((14, 21), {"accumulate_grad_batches": 2, "gradient_clip_val": 0.5}, marks=pytest.mark.slow),
    ],
)
def test_killed_and_resumed_it_ends_bit_for_bit_the_same(
    batches: tuple[int, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    arrange(tmp_path / "whole", **options)
    done = 0
    for batch in batches:  # the nth of all
        with pytest.raises(SystemError, match="killed"):
            arrange(tmp_path / "cut", tiny.Crash("on_train_batch_end", batch - done), **options)
        done = batch - 1  # a batch is saved after the crash
    begun: list[int] = []
    arrange(tmp_path / "cut", Began(begun), **options)
    assert begun[0] > 0
    assert tiny.contents(tmp_path / "cut") == tiny.contents(tmp_path / "whole")
