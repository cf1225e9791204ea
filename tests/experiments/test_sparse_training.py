"""Sparse within one training, and tickets of what a policy prunes meanwhile: which trainings, from what, under what."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny
from fake import SIZE, drawn, equal, masked, network, run, trained

from lth_lightning.experiments import (
    CorruptedData,
    DynamicTraining,
    PruningInTraining,
    Reinitialised,
    Restarted,
    Rewind,
    SmallDense,
    SparseTraining,
    Study,
)
from lth_lightning.sparsity import (
    SET,
    AtInit,
    Fixed,
    Mask,
    Policy,
    Random,
    RigL,
    RigLInverted,
    SparseFanIn,
    count,
    prunable,
)
from lth_lightning.training import Seeds, Sparsify, load

RANDOM = AtInit(0.5, Random())
DENSE = Mask.dense(prunable(network()))


@dataclass(frozen=True)
class Moving(Policy):
    """Starts as another policy."""

    initial: Policy

    def start(self, net: object, weights: Mask, draw: object = None) -> Mask:
        return self.initial.start(network(), weights)


def test_a_policy_is_asked_for_every_density_and_trains_once_for_each(tmp_path: Path) -> None:
    experiment = SparseTraining(policy=Moving(RANDOM), densities=[0.4, 0.1])
    recipe = run(experiment, tmp_path)
    assert [where for _, where in recipe.trained] == ["round-00", "round-01", "round-02"]
    assert [ticket.arm for ticket, _ in recipe.trained] == ["dense", "sparse", "sparse"]
    assert len(recipe.trained) == experiment.trainings
    for ticket, density in zip(recipe.tickets("sparse"), (0.4, 0.1), strict=True):
        assert ticket.policy == Moving(AtInit(density, Random()))
        assert (ticket.density, ticket.start, ticket.init) == (density, None, None)
    assert [result.mask.kept for result in recipe.results] == [SIZE, count(0.4, SIZE), count(0.1, SIZE)]
    assert experiment.arms == {"dense": [1.0], "sparse": [0.4, 0.1]}


@pytest.mark.parametrize("rewind", [Rewind(), Rewind(to="2ep"), Rewind("trained")], ids=str)
def test_tickets_have_the_mask_that_a_training_ended_with_and_its_own_weights(rewind: Rewind, tmp_path: Path) -> None:
    recipe = run(PruningInTraining(policy=RANDOM, densities=[0.4, 0.1], rewind=rewind), tmp_path)
    assert [where for _, where in recipe.trained] == [
        *("round-00", "pruned/round-01", "round-01", "pruned/round-02", "round-02")
    ]
    for number, ticket in enumerate(recipe.tickets("ticket"), start=1):
        pruned = f"pruned/round-{number:02}"
        assert ticket.mask == AtInit((0.4, 0.1)[number - 1], Random()).start(network(), DENSE)
        start = load(ticket.start)
        source = trained(tmp_path, pruned) if rewind.weights == "trained" else drawn(f"0/{pruned} at {rewind.to}")
        assert equal(start["state_dict"], masked(source, ticket.mask)), "of the training that prunes"
        assert start["loops"] == {"moment": rewind.to}
        assert ticket.policy is None
        assert ticket.spent == 3, "epochs of the training that prunes, without the dense one"


@pytest.mark.parametrize("rewind", [Rewind("trained"), Rewind()], ids=str)
def test_a_trained_network_is_pruned_by_settings_of_their_own(rewind: Rewind, tmp_path: Path) -> None:
    settings = {"trainer.max_epochs": 2}
    experiment = PruningInTraining(policy=RANDOM, densities=[0.4], trained=True, settings=settings, rewind=rewind)
    recipe = run(experiment, tmp_path)
    assert [where for _, where in recipe.trained] == ["round-00", "pruned/round-01", "round-01"]
    (pruned,), (ticket,) = recipe.tickets("pruned"), recipe.tickets("ticket")
    start = load(pruned.start)
    assert equal(start["state_dict"], trained(tmp_path, "round-00"))
    assert start["loops"] == {"moment": "0it"}
    assert (start["optimizer_states"], start["lr_schedulers"]) == ([], []), "their settings are others"
    assert recipe.varieties["pruned/round-01"] == (settings, {})
    assert recipe.varieties["round-01"] == recipe.varieties["round-00"] == ({}, {})
    assert list(experiment.changes) == [settings]
    source = "pruned/round-01" if rewind.weights == "trained" else None
    expected = drawn("0/round-00 at 0it") if source is None else trained(tmp_path, source)
    assert equal(load(ticket.start)["state_dict"], masked(expected, ticket.mask))
    assert (pruned.spent, ticket.spent) == (3, 6), "epochs of the dense training, and of the one that prunes"
    assert experiment.method.trains


def test_its_controls_start_from_the_mask_and_the_network_that_was_pruned(tmp_path: Path) -> None:
    controls = [Reinitialised(), Restarted(), SmallDense(), DynamicTraining(Moving(RANDOM)), CorruptedData()]
    experiment = PruningInTraining(policy=RANDOM, densities=[0.4], controls=controls)
    recipe = run(experiment, tmp_path)
    assert len(recipe.trained) == experiment.trainings
    assert {ticket.arm for ticket, _ in recipe.trained if ticket.arm != "pretraining"} == {*experiment.arms}
    (ticket,), (scratch,), (restarted,), (moving,) = map(
        recipe.tickets, ("ticket", "reinitialised", "restarted", "moving")
    )
    start = load(restarted.start)
    assert equal(start["state_dict"], trained(tmp_path, "pruned/round-01"))
    assert (start["loops"], restarted.mask) == ({"moment": "0it"}, ticket.mask)
    assert (moving.policy, moving.mask, moving.start) == (Moving(Fixed(ticket.mask)), None, None)
    assert moving.init == scratch.init != recipe.seeds.init, "both start alike"
    assert (tmp_path / "corrupted_data/search/pruned/round-01/result.pt").exists(), "pruned anew on corrupted data"


def test_in_a_study_the_dense_network_is_shared_and_keeps_what_any_method_needs(tmp_path: Path) -> None:
    methods = {"fixed": SparseTraining(policy=RANDOM), "gradual": PruningInTraining(policy=RANDOM, densities=[0.4])}
    study = Study(methods=methods)
    recipe = run(study, tmp_path)
    assert [where for _, where in recipe.trained] == [
        *("dense", "fixed/round-01", "fixed/round-02", "fixed/round-03"),
        *("gradual/pruned/round-01", "gradual/round-01"),
    ]
    assert study.found == {"fixed": (0.2, 0.1, 0.05), "gradual": [0.4]}
    assert len(recipe.trained) == study.trainings


@pytest.mark.parametrize("experiment", [SparseTraining, PruningInTraining])
def test_without_a_policy_or_beside_another_it_is_refused_and_a_config_s_own_is_taken(
    experiment: type[SparseTraining] | type[PruningInTraining],
) -> None:
    built = tiny.build(Seeds.of(0), 0)
    weights = Mask.dense(prunable(built.module))
    with pytest.raises(ValueError, match=f"{experiment.__name__} has no policy: add a method's file"):
        experiment().check(built, weights)
    experiment().taking(RANDOM).check(built, weights)
    drawn = Sparsify(RANDOM, initialise=SparseFanIn())
    with pytest.raises(ValueError, match="but not the Sparsify's initialise"):
        experiment(policy=RANDOM).check(tiny.build(Seeds.of(0), 0, None, drawn), weights)
    with pytest.raises(ValueError, match="Fixed has no density, so it cannot be asked for"):
        experiment(policy=Moving(Fixed(weights))).check(built, weights)
    with pytest.raises(ValueError, match="density"):
        experiment(densities=[1.5])


def test_dynamic_training_wants_a_policy_with_a_mask_to_start_with_and_a_name_that_names_a_folder() -> None:
    with pytest.raises(ValueError, match="AtInit starts with no initial mask that could be a ticket's"):
        DynamicTraining(RANDOM)
    with pytest.raises(ValueError, match="cannot name a folder"):
        DynamicTraining(Moving(RANDOM), name="a/b")
    assert DynamicTraining(Moving(RANDOM), name="other").arm == "other"
    named = [DynamicTraining(each(RANDOM)).arm for each in (SET, RigL, RigLInverted)]
    assert named == ["set", "rigl", "rigl_inverted"]
    assert DynamicTraining(RigL(RANDOM), SparseFanIn()).arm == "rigl_sparse_fan_in"


def test_a_real_training_under_a_policy_has_the_mask_that_it_gives(tmp_path: Path) -> None:
    recipe = tiny.recipe(tmp_path)
    results = SparseTraining(policy=Moving(RANDOM), densities=[0.25]).run(recipe, tmp_path)
    row = results[1].row
    assert (row["arm"], row["density_asked"]) == ("sparse", 0.25)
    assert results[1].mask.kept == count(0.25, results[1].mask.size)
    for name, kept in results[1].mask.items():
        assert not tiny.weights(results[1].trained)[name][~kept].any()
