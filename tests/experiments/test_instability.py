"""Copies differ in SGD noise, and in nothing else."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from fake import FakeRecipe, drawn, equal, masked, run
from tiny import recipe, same, weights

from lth_lightning.experiments import Instability, IterativePruning, OtherNoise, Reinitialised, Rewind, Study, Ticket
from lth_lightning.experiments.noise import other_noise
from lth_lightning.training import load

MOMENTS = ["0it", "3it", "1ep"]


def noise(trained: FakeRecipe) -> dict[str, tuple[int, int]]:
    """Folder of a training -> the seeds of its data order and augmentation that are not the replicate's."""
    return {
        where: (data["order_seed"], data["augment_seed"])
        for where, data in trained.seen.items()
        if {"order_seed", "augment_seed"} <= data.keys()
    }


def test_every_copy_starts_from_the_dense_training_at_its_moment(tmp_path: Path) -> None:
    trained = run(Instability(moments=MOMENTS, copies=3), tmp_path)
    assert len(trained.trained) == Instability(moments=MOMENTS, copies=3).trainings == 10
    for moment in MOMENTS:
        copies = trained.tickets(f"from_{moment}")
        assert len(copies) == 3
        for copy in copies:
            assert copy.mask is None
            assert equal(load(copy.start)["state_dict"], drawn(f"0/round-00 at {moment}"))
            assert load(copy.start)["optimizer_states"][0]["state"] == {}


def test_copies_have_noise_of_their_own_and_the_same_at_every_moment(tmp_path: Path) -> None:
    trained = run(Instability(moments=MOMENTS, copies=3), tmp_path)
    seen = noise(trained)
    assert len(seen) == 9
    by_copy = [{seen[f"from_{moment}/copy-{copy}"] for moment in MOMENTS} for copy in (1, 2, 3)]
    assert all(len(own) == 1 for own in by_copy)
    assert len(set.union(*by_copy)) == 3
    another = noise(run(Instability(moments=MOMENTS, copies=3), tmp_path / "other", seed=1))
    assert not {*seen.values()} & {*another.values()}


def test_a_copy_sees_other_batches_and_ends_elsewhere_but_with_no_noise_it_is_the_dense_network(tmp_path: Path) -> None:
    own = recipe(tmp_path)
    dense = own.train(Ticket(), tmp_path / "dense", keep=["5it"])
    kept = dense.kept("5it")
    again = own.train(Ticket("again", start=kept), tmp_path / "again")
    assert same(weights(again.trained), weights(dense.trained)), "its own noise from where it was: a replay"
    copies = [other_noise(own, n, "dense").train(Ticket("copy", start=kept), tmp_path / f"copy-{n}") for n in (1, 2)]
    for one, other in combinations([dense, *copies], 2):
        assert not same(weights(one.trained), weights(other.trained))
    for copy in copies:
        assert copy.row["steps"] == dense.row["steps"]
        assert (copy.row["start_step"], dense.row["start_step"], copy.row["copy_of"]) == (5, 0, "dense")


def test_only_order_and_augmentation_are_changed(tmp_path: Path) -> None:
    trained = FakeRecipe(tmp_path)
    changed = other_noise(trained, 1, "ticket")
    assert changed.data.keys() == {"order_seed", "augment_seed"}
    assert changed.labels == {"copy_of": "ticket"}
    assert changed.seeds == trained.seeds


@pytest.mark.parametrize("of", [None, Reinitialised()], ids=["ticket", "reinitialised"])
def test_a_ticket_and_its_control_are_copied_from_the_same_start(of: Any, tmp_path: Path) -> None:
    controls = [Reinitialised(), OtherNoise(of), OtherNoise(of, copy=2)]
    trained = run(IterativePruning(rounds=2, keep=0.5, rewind=Rewind(to="3it"), controls=controls), tmp_path)
    copied = "ticket" if of is None else "reinitialised"
    first, second = (trained.tickets(control.arm) for control in controls[1:])
    for ticket, one, other in zip(trained.tickets(copied), first, second, strict=True):
        for copy in (one, other):
            assert (copy.mask, copy.init, copy.more) == (ticket.mask, ticket.init, ticket.more)
            if of is None:
                assert equal(load(copy.start)["state_dict"], masked(drawn("0/round-00 at 3it"), ticket.mask))
            else:
                assert copy.start is None
    assert len({*noise(trained).values()}) == 2, "one noise for each copy"


def test_copies_may_be_made_of_some_rounds_only(tmp_path: Path) -> None:
    controls = [Reinitialised(), OtherNoise(at=[1, 3]), OtherNoise(copy=2)]
    experiment = IterativePruning(rounds=3, keep=0.5, controls=controls, controls_at=[2, 3])
    trained = run(experiment, tmp_path)
    assert len(trained.trained) == experiment.trainings == 4 + 2 + 1 + 2
    assert [ticket.round for ticket in trained.tickets("other_noise")] == [3]
    assert [ticket.round for ticket in trained.tickets("other_noise_2")] == [2, 3]
    assert experiment.arms["other_noise"] == [0.125]
    tried = experiment.tried()
    assert tried.arms.keys() == experiment.arms.keys(), "a trial has every arm"


def test_a_copy_of_what_is_not_trained_is_refused() -> None:
    with pytest.raises(ValueError, match="copies reinitialised, which the controls lack: add it"):
        IterativePruning(controls=[OtherNoise(Reinitialised())])


def test_in_a_study_the_dense_network_is_shared_and_keeps_all_moments(tmp_path: Path) -> None:
    methods = {
        "noise": Instability(moments=["0it", "2it"]),
        "imp": IterativePruning(rounds=1, keep=0.5, rewind=Rewind(to="4it"), controls=[OtherNoise()]),
    }
    study = Study(methods=methods)
    assert study.trainings == 1 + 4 + 2
    assert study.moments == ("0it", "2it", "4it")
    assert study.arms == {
        "dense": [1.0],
        "noise/from_0it": [1.0],
        "noise/from_2it": [1.0],
        "imp/ticket": [0.5],
        "imp/other_noise": [0.5],
    }
    own = recipe(tmp_path)
    results = study.run(own, tmp_path / "seed-0")
    assert len({result.folder for result in results}) == study.trainings
    copies = [result.row for result in results if "copy_of" in result.row]
    assert {(row["method"], row["copy_of"]) for row in copies} == {
        ("noise", "from_0it"),
        ("noise", "from_2it"),
        ("imp", "ticket"),
    }


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"moments": []}, "moments is empty"),
        ({"moments": ["0it", "end"]}, "nothing left to train"),
        ({"moments": ["1ep", "1ep"]}, "name each once"),
        ({"moments": ["5"]}, "a moment of training is written like"),
        ({"copies": 1}, "ask for 2 or more"),
    ],
)
def test_what_could_show_nothing_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Instability(**options)


def test_a_copy_of_a_copy_is_refused() -> None:
    with pytest.raises(ValueError, match="for a second copy give the number"):
        OtherNoise(OtherNoise())
    with pytest.raises(ValueError, match="count from 1"):
        OtherNoise(copy=0)


def test_a_trial_starts_at_moments_that_every_training_has() -> None:
    assert list(Instability(moments=["0it", "500it", "8ep"]).tried().moments) == ["0it", "1it"]
