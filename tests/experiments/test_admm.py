"""Pruning with ADMM's masks: which trainings there are, what each starts with, and on what the mask is put."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from fake import NAMES, SIZE, FakeRecipe, drawn, equal, masked, network, run, trained

from lth_lightning.claims import Claim
from lth_lightning.experiments import (
    AdmmPruning,
    CorruptedData,
    HalfData,
    LightningRecipe,
    RandomTicket,
    RearrangedMask,
    Reinitialised,
    Result,
    Rewind,
    Study,
    Ticket,
    Variation,
)
from lth_lightning.experiments.failed import FailedTrainingError
from lth_lightning.sparsity import AtInit, Mask, Random, Uniform, count, prunable, prune
from lth_lightning.training import Admm, Seeds, Sparsify, load

FINE_TUNED, TICKET = Rewind(weights="trained"), Rewind()
DENSE = Mask.dense(prunable(network()))


def per_layer(state: dict[str, torch.Tensor], density: float) -> Mask:
    return prune({name: state[name].abs() for name in NAMES}, density, Uniform())


@pytest.mark.parametrize(
    ("rewind", "weights", "moment"),
    [
        (FINE_TUNED, "trained", "0it"),
        (TICKET, "at 0it", "0it"),
        (Rewind(to="2ep"), "at 2ep", "2ep"),
        (Rewind("trained", "end", "3ep"), "trained", "end"),
    ],
    ids=str,
)
def test_the_largest_weights_after_admm_are_the_mask_of_the_original_dense_network(
    rewind: Rewind, weights: str, moment: str, tmp_path: Path
) -> None:
    recipe = run(AdmmPruning(densities=[0.4, 0.1], rewind=rewind), tmp_path)
    for number, (ticket, density) in enumerate(zip(recipe.tickets("ticket"), (0.4, 0.1), strict=True), start=1):
        assert ticket.mask == per_layer(trained(tmp_path, f"admm/round-{number:02}"), density)
        assert ticket.mask.kept == count(density, SIZE)
        assert ticket.density == density
        start = load(ticket.start)
        assert equal(start["state_dict"], masked(drawn(f"0/round-00 {weights}"), ticket.mask))
        assert start["loops"] == {"moment": moment}


def test_admm_starts_with_the_trained_weights_at_the_beginning_of_a_training_of_its_own(tmp_path: Path) -> None:
    experiment = AdmmPruning(densities=[0.4, 0.1], rho=0.5, every=2, rewind=Rewind(to="2ep"))
    recipe = run(experiment, tmp_path)
    for ticket, density in zip(recipe.tickets("admm"), (0.4, 0.1), strict=True):
        start = load(ticket.start)
        assert equal(start["state_dict"], drawn("0/round-00 trained")), "not masked"
        assert (start["loops"], start["optimizer_states"], start["lr_schedulers"]) == ({"moment": "0it"}, [], [])
        assert (ticket.mask, ticket.density, ticket.more) == (None, density, "0ep")
        (admm,), (other,) = ticket.callbacks(), ticket.callbacks()
        assert isinstance(admm, Admm)
        assert (admm.density, admm.allocation, admm.rho, admm.every) == (density, Uniform(), 0.5, 2)
        assert list(admm.prunable(network())) == NAMES
        assert admm is not other, "every training has its own"
    assert all(not ticket.callbacks() for ticket, _ in recipe.trained if ticket.arm != "admm")


def test_trainings_are_labelled_by_arm_round_and_folder_and_counted_beforehand(tmp_path: Path) -> None:
    experiment = AdmmPruning(densities=[0.5, 0.2], controls=[Reinitialised()], controls_at=[2])
    recipe = run(experiment, tmp_path)
    assert [(ticket.arm, ticket.round, where) for ticket, where in recipe.trained] == [
        ("dense", 0, "round-00"),
        ("admm", 1, "admm/round-01"),
        ("ticket", 1, "round-01"),
        ("admm", 2, "admm/round-02"),
        ("ticket", 2, "round-02"),
        ("reinitialised", 2, "reinitialised/round-02"),
    ]
    assert experiment.trainings == 6
    assert experiment.arms == {"dense": [1.0], "ticket": [0.5, 0.2], "admm": [0.5, 0.2], "reinitialised": [0.2]}
    assert experiment.found == {"": [0.5, 0.2]}
    claim = Claim("ADMM is near", of="ticket", minus="admm", at={"density": 0.2}, lies="above")
    claim.check(experiment.arms, experiment.axes, experiment.found)
    study = Study(methods={"a": experiment, "b": experiment})
    claim.check({arm: at for arm, at in study.arms.items() if not arm.startswith("b/")}, study.axes, study.found)
    assert {"a/admm", "b/admm"} < study.arms.keys()
    assert study.trainings == 1 + 2 * 5, "the dense network is shared"
    assert study.moments == ("0it",)


def test_a_search_with_other_data_takes_an_admm_training_of_its_own(tmp_path: Path) -> None:
    controls = [CorruptedData(), HalfData(), RearrangedMask()]
    experiment = AdmmPruning(densities=[0.5, 0.2], controls=controls, controls_at=[2], rewind=FINE_TUNED)
    recipe = run(experiment, tmp_path)
    assert len(recipe.trained) == experiment.trainings == 1 + 2 * 2 + 3 + 2 * 2
    searched = [where for ticket, where in recipe.trained if ticket.arm == "pretraining"]
    assert searched == [
        f"{arm}/search/{where}" for arm in ("corrupted_data", "half_data") for where in ("round-00", "admm/round-02")
    ]
    (half,) = recipe.tickets("half_data")
    assert half.mask == per_layer(trained(tmp_path, "half_data/search/admm/round-02"), 0.2)
    assert equal(load(half.start)["state_dict"], masked(drawn("0/half_data/search/round-00 trained"), half.mask))
    assert not experiment.inapplicable


def test_settings_are_those_of_admms_trainings_alone(tmp_path: Path) -> None:
    settings = {"trainer.max_epochs": 30}
    experiment = AdmmPruning(densities=[0.5], settings=settings, controls=[Reinitialised(), HalfData()])
    recipe = run(experiment, tmp_path)
    assert {where: changes for where, (changes, _) in recipe.varieties.items() if changes} == {
        "admm/round-01": settings,
        "half_data/search/admm/round-01": settings,
    }
    assert list(experiment.changes) == [settings]
    assert not AdmmPruning().changes


def test_where_admm_fails_the_other_densities_are_pruned_all_the_same(tmp_path: Path) -> None:
    class Failing(FakeRecipe):
        def train(self, ticket: Ticket, folder: Path, *args: Any, **more: Any) -> Result:
            if folder.match("admm/round-01"):
                raise FailedTrainingError("diverged")
            return super().train(ticket, folder, *args, **more)

    recipe = Failing(tmp_path)
    AdmmPruning(densities=[0.5, 0.2], controls=[Reinitialised()]).run(recipe, tmp_path)
    assert [where for _, where in recipe.trained] == ["round-00", "admm/round-02", "round-02", "reinitialised/round-02"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rho": 0.0}, "rho is 0.0"),
        ({"every": 0}, "every is 0"),
        ({"densities": []}, "densities is empty"),
        ({"densities": [1.5]}, "not 1.5"),
    ],
)
def test_wrong_values_are_sentences(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AdmmPruning(**arguments)


def test_what_could_not_be_trained_is_refused_beforehand() -> None:
    built = tiny.build(Seeds.of(0), 0)
    with pytest.raises(ValueError, match="first layer stays dense"):
        AdmmPruning(densities=[0.3], allocation=Uniform(dense_first=True)).check(built, DENSE)
    built.trainer["callbacks"].append(Sparsify(AtInit(0.5, Random())))
    with pytest.raises(ValueError, match="Sparsify of their own"):
        AdmmPruning().check(built, DENSE)


def test_a_trial_has_one_density_and_an_update_of_admm() -> None:
    tried = AdmmPruning(densities=[0.5, 0.2], every=9, rewind=Rewind(to="2ep"), controls_at=[2]).tried()
    assert (tried.densities, tried.every, tried.rewind.to, tried.controls_at) == ([0.5], 1, "1it", None)


def rows(root: Path) -> dict[str, dict[str, Any]]:
    return {row["folder"]: row for row in map(json.loads, (root / "results.jsonl").read_text().splitlines())}


def changed(recipe: LightningRecipe, changes: list[Any]) -> LightningRecipe:
    """A recipe whose changed configuration trains five epochs by Adam at another rate."""
    adam = partial(torch.optim.Adam, lr=0.02)

    def vary(wanted: Any) -> Variation:
        changes.append(dict(wanted))
        return Variation(
            lambda seeds, init, width=None: tiny.build(seeds, init, width, optimizer=adam, max_epochs=5), dict(wanted)
        )

    return replace(recipe, vary=vary)


@pytest.mark.parametrize("settings", [{}, {"any.key": 1}])
def test_real_trainings_start_as_they_should_and_count_their_epochs(settings: dict[str, Any], tmp_path: Path) -> None:
    experiment = AdmmPruning(
        densities=[0.3],
        rho=0.5,
        every=1,
        rewind=FINE_TUNED,
        controls=[Reinitialised(), RandomTicket()],
        settings=settings,
    )
    experiment.run(changed(tiny.recipe(tmp_path), changes := []), tmp_path)
    told, own = rows(tmp_path), 5 if settings else 3
    assert {name: (row["arm"], row["epochs"], row["epochs_in_all"]) for name, row in told.items()} == {
        "round-00": ("dense", 3, 3),
        "admm/round-01": ("admm", own, 3 + own),
        "round-01": ("ticket", 3, 3 + own + 3),
        "reinitialised/round-01": ("reinitialised", 3, 3 + own + 3),
        "random_ticket/round-01": ("random_ticket", 3, 3),
    }
    admm = told["admm/round-01"]
    assert (admm["density_asked"], admm["density"]) == (0.3, 1.0)
    assert (admm["lr"], changes) == ((0.02, [settings]) if settings else (0.1, []))
    curve = [json.loads(line) for line in (tmp_path / "admm/round-01/metrics.jsonl").read_text().splitlines()]
    assert all(0 < row["admm_residual"] < 1 for row in curve)
    dense, found = tiny.weights(tmp_path / "round-00/last.ckpt"), tiny.weights(tmp_path / "admm/round-01/last.ckpt")
    mask = torch.load(tmp_path / "round-01/result.pt", weights_only=True)["mask"]
    assert Mask(mask) == prune({name: found[name].abs() for name in mask}, 0.3, Uniform())
    assert tiny.same(tiny.weights(tmp_path / "round-01/start.ckpt"), masked(dense, Mask(mask)))
    assert tiny.same(tiny.weights(tmp_path / "admm/round-01/start.ckpt"), dense)


@pytest.mark.slow
def test_the_stronger_admm_draws_the_nearer_weights_come_to_sparse_ones(tmp_path: Path) -> None:
    residuals = []
    for rho in (1e-6, 0.3, 1.0):  # much more would overshoot in the four steps between two updates
        AdmmPruning(densities=[0.3], rho=rho, every=1).run(tiny.recipe(root := tmp_path / str(rho)), root)
        residuals.append(rows(root)["admm/round-01"]["admm_residual"])
    assert residuals[0] > residuals[1] > residuals[2]
    assert residuals[2] < residuals[0] / 2


def test_without_a_penalty_admms_training_is_a_plain_one_bit_for_bit(tmp_path: Path) -> None:
    recipe = tiny.recipe(tmp_path)
    dense = recipe.train(Ticket(), tmp_path / "dense", keep=["0it"])
    one = recipe.train(Ticket(callbacks=lambda: [Admm(0.3, rho=0.0, every=1)]), tmp_path / "one")
    assert tiny.same(tiny.weights(one.trained), tiny.weights(dense.trained))
