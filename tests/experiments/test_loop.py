"""What train, prune, rewind, train means, with a recipe that trains nothing."""

from pathlib import Path
from typing import Any

import pytest
import torch
from fake import NAMES, SIZE, FakeRecipe, State, drawn, equal, masked, network, run, trained
from torch import nn

from lth_lightning.experiments import (
    Dense,
    Experiment,
    IterativePruning,
    OneShotPruning,
    RandomTicket,
    RearrangedMask,
    Reinitialised,
    Rewind,
)
from lth_lightning.sparsity import (
    Batches,
    Criterion,
    Global,
    Mask,
    Random,
    Scores,
    Uniform,
    count,
    prunable,
    prune,
)
from lth_lightning.training import load

CONTROLS = [Reinitialised(), RearrangedMask(), RandomTicket()]


def best(state: State, density: float, within: Mask) -> Mask:
    """The largest weights among those that are left, by Python's sort."""
    entries = [
        (-abs(weight), name, index)
        for name in NAMES
        for index, (weight, kept) in enumerate(
            zip(state[name].flatten().tolist(), within[name].flatten().tolist(), strict=True)
        )
        if kept
    ]
    chosen = {(name, index) for _, name, index in sorted(entries)[: count(density, SIZE)]}
    return Mask(
        {
            name: torch.tensor([(name, index) in chosen for index in range(kept.numel())]).view_as(kept)
            for name, kept in within.items()
        }
    )


def test_every_round_keeps_a_power_of_the_share_within_the_round_before(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=12, keep=0.8), tmp_path)
    last = Mask.dense(prunable(network()))
    for number, ticket in enumerate(recipe.tickets("ticket"), start=1):
        assert ticket.density == 0.8**number
        assert ticket.mask.kept == count(0.8**number, SIZE)
        assert ticket.mask.within(last)
        last = ticket.mask
    assert number == 12


def test_every_round_prunes_the_smallest_weights_of_the_network_trained_before(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=4, keep=0.5), tmp_path)
    within = Mask.dense(prunable(network()))
    for number, ticket in enumerate(recipe.tickets("ticket"), start=1):
        within = best(trained(tmp_path, f"round-{number - 1:02}"), 0.5**number, within)
        assert ticket.mask == within


def test_one_shot_pruning_prunes_and_rewinds_the_dense_network_to_each_density(tmp_path: Path) -> None:
    recipe = run(OneShotPruning(densities=[0.1, 0.5, 0.2]), tmp_path)
    dense = Mask.dense(prunable(network()))
    for ticket, density in zip(recipe.tickets("ticket"), [0.1, 0.5, 0.2], strict=True):
        assert ticket.density == density
        assert ticket.mask == best(trained(tmp_path, "round-00"), density, dense)
        assert equal(load(ticket.start)["state_dict"], masked(drawn("0/round-00 at 0it"), ticket.mask))


@pytest.mark.parametrize(
    ("rewind", "weights", "moment"),
    [
        (Rewind(), "0/round-00 at 0it", "0it"),
        (Rewind(to="500it"), "0/round-00 at 500it", "500it"),
        (Rewind(weights="trained"), "0/round-{before:02} trained", "0it"),
        (Rewind(weights="trained", to="2ep"), "0/round-{before:02} trained", "2ep"),
        (Rewind(weights="trained", to="end", more="3ep"), "0/round-{before:02} trained", "end"),
    ],
    ids=str,
)
@pytest.mark.parametrize("optimizer", ["fresh", "kept"])
def test_every_round_starts_with_the_right_weights_masked_at_the_right_moment(
    rewind: Rewind, weights: str, moment: str, optimizer: Any, tmp_path: Path
) -> None:
    rewind = Rewind(rewind.weights, rewind.to, rewind.more, optimizer)
    recipe = run(IterativePruning(rounds=3, keep=0.7, rewind=rewind), tmp_path)
    for number, ticket in enumerate(recipe.tickets("ticket"), start=1):
        start = load(ticket.start)
        assert ticket.start == tmp_path / f"round-{number:02}" / "start.ckpt"
        assert equal(start["state_dict"], masked(drawn(weights.format(before=number - 1)), ticket.mask))
        assert start["loops"] == {"moment": moment}
        assert bool(start["optimizer_states"][0]["state"]) == (optimizer == "kept")
        assert start["optimizer_states"][0]["param_groups"] == [{"lr": 0.1}]
        assert ticket.more == rewind.more
        assert ticket.init is None


def test_rewinding_changes_neither_the_kept_checkpoint_nor_the_trained_one(tmp_path: Path) -> None:
    run(IterativePruning(rounds=3, keep=0.5, controls=CONTROLS), tmp_path)
    assert equal(load(tmp_path / "round-00/kept-0it.ckpt")["state_dict"], drawn("0/round-00 at 0it"))
    assert equal(trained(tmp_path, "round-00"), drawn("0/round-00 trained"))


def test_trainings_are_labelled_by_arm_round_and_folder_controls_after_their_ticket(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=2, controls=CONTROLS), tmp_path)
    assert [(ticket.arm, ticket.round, where) for ticket, where in recipe.trained] == [
        ("dense", 0, "round-00"),
        ("ticket", 1, "round-01"),
        ("reinitialised", 1, "reinitialised/round-01"),
        ("rearranged_mask", 1, "rearranged_mask/round-01"),
        ("random_ticket", 1, "random_ticket/round-01"),
        ("ticket", 2, "round-02"),
        ("reinitialised", 2, "reinitialised/round-02"),
        ("rearranged_mask", 2, "rearranged_mask/round-02"),
        ("random_ticket", 2, "random_ticket/round-02"),
    ]
    assert {result.row["where"] for result in recipe.results} == {where for _, where in recipe.trained}


@pytest.mark.parametrize(
    "experiment",
    [
        Dense(),
        IterativePruning(rounds=3),
        IterativePruning(rounds=3, controls=CONTROLS),
        IterativePruning(rounds=5, controls=CONTROLS[:2], controls_at=[1, 5]),
        OneShotPruning(densities=[0.5, 0.1], controls=CONTROLS, controls_at=[2]),
    ],
    ids=lambda experiment: type(experiment).__name__,
)
def test_the_number_of_trainings_is_known_beforehand(experiment: Experiment, tmp_path: Path) -> None:
    recipe = run(experiment, tmp_path)
    assert len(recipe.trained) == len(recipe.results) == experiment.trainings


def test_only_the_chosen_rounds_get_controls(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=5, controls=CONTROLS, controls_at=[2, 5]), tmp_path)
    for control in CONTROLS:
        assert [ticket.round for ticket in recipe.tickets(control.arm)] == [2, 5]


def test_a_random_criterion_draws_another_mask_in_every_replicate(tmp_path: Path) -> None:
    experiment = IterativePruning(rounds=1, criterion=Random())
    masks = [run(experiment, tmp_path / str(seed), seed).tickets("ticket")[0].mask for seed in (0, 1)]
    assert masks[0] != masks[1]


def test_pruned_weights_are_not_ranked_even_by_a_criterion_that_likes_zeros(tmp_path: Path) -> None:
    class Smallest(Criterion):
        def __call__(self, net: nn.Module, mask: Mask, batches: Batches) -> Scores:
            return {name: -net.get_parameter(name).detach().abs() for name in mask}

    last = Mask.dense(prunable(network()))
    for ticket in run(IterativePruning(rounds=4, keep=0.5, criterion=Smallest()), tmp_path).tickets("ticket"):
        assert ticket.mask.within(last)
        last = ticket.mask


def test_the_allocation_is_that_of_the_experiment(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=1, keep=0.5, allocation=Uniform()), tmp_path)
    (ticket,) = recipe.tickets("ticket")
    assert ticket.mask.layers() == {"0.weight": (40, 80), "2.weight": (30, 60)}
    scores = {name: value.abs() for name, value in trained(tmp_path, "round-00").items() if name in NAMES}
    assert ticket.mask == prune(scores, 0.5, Uniform())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: IterativePruning(keep=0), r"share of remaining weights kept in a round, in \(0, 1\], not 0"),
        (lambda: IterativePruning(keep=20), r"in \(0, 1\], not 20"),
        (lambda: IterativePruning(rounds=0), "rounds is 0: prune at least once, or run the experiment Dense"),
        (lambda: IterativePruning(controls=[RandomTicket(), RandomTicket(Global())]), "share the folder random_ticket"),
        (lambda: OneShotPruning(densities=[]), "densities is empty: ask for at least one"),
        (lambda: OneShotPruning(densities=[0.5, 0]), r"in \(0, 1\], not 0"),
        (lambda: OneShotPruning(densities=[50]), r"in \(0, 1\], not 50"),
        (lambda: OneShotPruning(controls=[Reinitialised()] * 2), "share the folder reinitialised"),
        (lambda: Rewind(to="3 epochs"), "a moment of training is written like '500it'"),
        (lambda: Rewind(to="end"), "rewind.more is '0ep': to continue from the end, say how long"),
        (lambda: Rewind(more="3ep"), "rewind.more is '3ep', but rewind.to is '0it'"),
        (lambda: Rewind(to="end", more="300it"), "fine-tuning is counted in epochs, such as '10ep', not '300it'"),
    ],
)
def test_settings_that_make_no_experiment_are_refused_before_it_starts(wrong: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        wrong()


def test_pruning_so_far_that_nothing_is_left_is_refused_in_that_round(tmp_path: Path) -> None:
    recipe = FakeRecipe(tmp_path)
    with pytest.raises(ValueError, match=r"of 140 weights keeps none: ask for at least 0\.0071"):
        IterativePruning(rounds=9, keep=0.1).run(recipe, tmp_path)
    assert [ticket.round for ticket, _ in recipe.trained] == [0, 1, 2]
