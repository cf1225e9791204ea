"""Controls are drawn from the unmasked network, never from what a mask has left of it."""

from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from fake import NAMES, FakeRecipe, drawn, equal, masked, run

from lth_lightning.experiments import (
    FineTuned,
    IterativePruning,
    OneShotPruning,
    RandomTicket,
    RearrangedMask,
    Reinitialised,
    Rewind,
    Ticket,
)
from lth_lightning.sparsity import Global, LayerScaled, Mask, Random, SparseFanIn, prunable, prune
from lth_lightning.training import load

CONTROLS = [Reinitialised(), RearrangedMask(), RandomTicket()]


def test_a_rearranged_mask_is_another_one_with_the_same_number_kept_in_every_layer(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=5, keep=0.6, controls=CONTROLS), tmp_path)
    for ticket, control in zip(recipe.tickets("ticket"), recipe.tickets("rearranged_mask"), strict=True):
        assert control.mask.layers() == ticket.mask.layers()
        assert all(not torch.equal(control.mask[name], ticket.mask[name]) for name in NAMES)
        assert not control.mask.within(ticket.mask)


@pytest.mark.parametrize(
    ("rewind", "weights"),
    [(Rewind(to="3it"), "0/round-00 at 3it"), (Rewind(weights="trained"), "0/round-00 trained")],
    ids=["kept", "trained"],
)
def test_a_rearranged_mask_is_put_on_the_unmasked_network(rewind: Rewind, weights: str, tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=3, keep=0.5, rewind=rewind, controls=CONTROLS), tmp_path)
    for ticket, control in zip(recipe.tickets("ticket"), recipe.tickets("rearranged_mask"), strict=True):
        state = load(control.start)["state_dict"]
        assert equal(state, masked(drawn(weights), control.mask))
        for name in NAMES:
            only_here = control.mask[name] & ~ticket.mask[name]
            assert only_here.any()
            assert bool((state[name][only_here] != 0).all())


def test_a_random_ticket_has_the_exact_density_and_knows_nothing_of_the_ticket(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=5, keep=0.6, controls=CONTROLS), tmp_path)
    masks = []
    for ticket, control in zip(recipe.tickets("ticket"), recipe.tickets("random_ticket"), strict=True):
        assert control.mask.kept == ticket.mask.kept
        assert control.density == ticket.density
        assert not control.mask.within(ticket.mask)
        for kept, size in control.mask.layers().values():
            assert abs(kept - ticket.mask.density * size) < 1
        masks.append(control.mask)
    assert not any(masks[number].within(masks[number - 1]) for number in range(1, 5)), "one draw for all rounds"


def test_a_random_ticket_overlaps_with_the_found_one_as_chance_has_it(tmp_path: Path) -> None:
    overlaps = []
    for seed in range(20):
        recipe = run(OneShotPruning(densities=[0.4], controls=[RandomTicket(Global())]), tmp_path / str(seed), seed)
        overlaps.append(recipe.tickets("random_ticket")[0].mask.overlap(recipe.tickets("ticket")[0].mask))
    assert abs(sum(overlaps) / 20 - 0.4) < 0.04  # four standard errors


def test_reinitialised_and_random_tickets_start_at_step_zero_of_their_own_initialisations(tmp_path: Path) -> None:
    inits = []
    for seed in range(3):
        rewind = Rewind(weights="trained", to="end", more="3ep")
        experiment = IterativePruning(rounds=3, keep=0.7, rewind=rewind, controls=CONTROLS)
        recipe = run(experiment, tmp_path / str(seed), seed)
        for arm in ("reinitialised", "random_ticket"):
            for ticket, control in zip(recipe.tickets("ticket"), recipe.tickets(arm), strict=True):
                assert control.start is None
                assert control.more == "0ep"
                assert (control.mask == ticket.mask) == (arm == "reinitialised")
                inits.append(control.init)
    assert len(set(inits)) == 3 * 3 * 2
    assert not set(inits) & set(range(10)), "the seeds of the replicates themselves"


def test_controls_are_the_same_in_another_process_and_other_for_another_replicate(tmp_path: Path) -> None:
    experiment = IterativePruning(rounds=2, keep=0.5, controls=CONTROLS)
    first, again, other = (run(experiment, tmp_path / name, seed) for name, seed in [("a", 1), ("b", 1), ("c", 2)])
    for arm in ("rearranged_mask", "random_ticket"):
        for one, same, another in zip(first.tickets(arm), again.tickets(arm), other.tickets(arm), strict=True):
            assert (one.mask, one.init) == (same.mask, same.init)
            assert one.mask != another.mask


def test_only_the_seed_of_masks_decides_how_a_mask_is_rearranged_and_drawn(tmp_path: Path) -> None:
    recipes = []
    for seed in (0, 1):
        recipe = FakeRecipe(tmp_path / str(seed))
        recipe.seeds = replace(recipe.seeds, mask=seed)
        IterativePruning(rounds=1, keep=0.5, controls=CONTROLS).run(recipe, recipe.root)
        recipes.append(recipe)
    masks = {arm: [recipe.tickets(arm)[0].mask for recipe in recipes] for arm in ("ticket", *(c.arm for c in CONTROLS))}
    assert {arm: one == other for arm, (one, other) in masks.items()} == {
        "ticket": True,
        "reinitialised": True,
        "rearranged_mask": False,
        "random_ticket": False,
    }


def test_reinitialised_tickets_with_other_draws_are_arms_of_their_own_on_one_initialisation(tmp_path: Path) -> None:
    kinds = [None, SparseFanIn(), SparseFanIn(scale=1.0), LayerScaled()]
    arms = [f"reinitialised{kind}" for kind in ("", "_sparse_fan_in", "_sparse_fan_in_scale_1", "_layer_scaled")]
    experiment = IterativePruning(rounds=2, keep=0.5, controls=[Reinitialised(kind) for kind in kinds])
    assert list(experiment.arms) == ["dense", "ticket", *arms]
    recipe = run(experiment, tmp_path)
    for kind, arm in zip(kinds, arms, strict=True):
        for ticket, control in zip(recipe.tickets("ticket"), recipe.tickets(arm), strict=True):
            assert (control.mask, control.start, control.initialise) == (ticket.mask, None, kind)
            assert ticket.initialise is None
    inits = {tuple(control.init for control in recipe.tickets(arm)) for arm in arms}
    assert len(inits) == 1, "whatever is drawn for the mask, the network is the same"
    with pytest.raises(ValueError, match="two controls share the folder reinitialised_layer_scaled"):
        IterativePruning(controls=[Reinitialised(LayerScaled()), Reinitialised(LayerScaled())])


def test_a_ticket_cannot_both_start_from_weights_and_draw_them() -> None:
    with pytest.raises(ValueError, match=r"starts from a\.ckpt, so its weights are not drawn"):
        Ticket(start=Path("a.ckpt"), initialise=SparseFanIn())


def test_the_recipe_draws_a_tickets_weights_by_the_seed_of_its_initialisation(tmp_path: Path) -> None:
    made = tiny.recipe(tmp_path)
    net = made.build(made.seeds, 7).module
    mask = prune(Random(0)(net, Mask.dense(prunable(net))), 0.3)
    for initialise in (SparseFanIn(), LayerScaled()):
        ticket = Ticket(initialise.name, mask=mask, init=7, initialise=initialise)
        made.train(ticket, tmp_path / initialise.name, keep=["0it"])
        net = made.build(made.seeds, 7).module
        initialise(net, mask, 7)
        there = load(tmp_path / initialise.name / "kept-0it.ckpt")["state_dict"]
        assert all(torch.equal(there[name], value) for name, value in net.named_parameters())


@pytest.mark.parametrize("rewind", [Rewind(), Rewind(to="3it")], ids=["init", "early"])
@pytest.mark.parametrize("kind", [IterativePruning, OneShotPruning])
def test_fine_tuning_starts_with_the_dense_networks_trained_weights_under_the_tickets_mask(
    kind: type, rewind: Rewind, tmp_path: Path
) -> None:
    options = {"rounds": 3, "keep": 0.5} if kind is IterativePruning else {"densities": [0.5, 0.2]}
    recipe = run(kind(rewind=rewind, controls=[FineTuned()], **options), tmp_path)
    for ticket, control in zip(recipe.tickets("ticket"), recipe.tickets("fine_tuned"), strict=True):
        assert control.mask == ticket.mask
        assert (control.init, control.spent) == (ticket.init, ticket.spent), "the same epochs were needed"
        start = load(control.start)
        assert equal(start["state_dict"], masked(drawn("0/round-00 trained"), ticket.mask))
        assert start["loops"]["moment"] == "0it", "the schedule begins again"
        assert start["optimizer_states"][0]["state"] == {}
