"""Pruning once: at initialisation, at a moment or at the end, by a criterion or by a method's own policy."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake import NAMES, SIZE, FakeRecipe, drawn, equal, masked, network, run, trained
from torch import nn

from lth_lightning.experiments import CorruptedData, HalfData, OneShotPruning, RearrangedMask, Rewind, ShuffledWeights
from lth_lightning.sparsity import (
    AtInit,
    Batches,
    Criterion,
    Draw,
    Fixed,
    Magnitude,
    Mask,
    Policy,
    Random,
    Sample,
    Scores,
    Uniform,
    count,
    prunable,
    prune,
)
from lth_lightning.training import load

DENSE = Mask.dense(prunable(network()))


class Fit(Criterion):
    """Scores a weight by its product with the mean image: it looks at weights and data."""

    def __call__(self, net: nn.Module, mask: Mask, batches: Batches) -> Scores:
        mean = torch.cat([images for images, _ in batches]).mean(0)
        first = net.get_parameter("0.weight").detach()
        return {"0.weight": (first * mean).abs(), "2.weight": net.get_parameter("2.weight").detach().abs()}


def magnitudes(state: dict[str, torch.Tensor], density: float) -> Mask:
    return prune({name: state[name].abs() for name in NAMES}, density)


@pytest.mark.parametrize(
    ("at", "weights"),
    [("end", "0/round-00 trained"), ("0it", "0/round-00 at 0it"), ("2ep", "0/round-00 at 2ep")],
)
def test_the_network_of_the_moment_asked_for_is_pruned(at: str, weights: str, tmp_path: Path) -> None:
    recipe = run(OneShotPruning(densities=[0.4, 0.1], at=at, rewind=Rewind(to="1ep")), tmp_path)
    for ticket, density in zip(recipe.tickets("ticket"), (0.4, 0.1), strict=True):
        assert ticket.mask == magnitudes(drawn(weights), density)
        assert equal(load(ticket.start)["state_dict"], masked(drawn("0/round-00 at 1ep"), ticket.mask))


def test_pruning_in_steps_scores_what_each_step_has_left(tmp_path: Path) -> None:
    seen = []

    class Watched(Magnitude):
        def __call__(self, net: nn.Module, mask: Mask, batches: Batches = ()) -> Scores:
            seen.append(mask.kept)
            return super().__call__(net, mask, batches)

    run(OneShotPruning(densities=[0.0625], at="0it", criterion=Watched(), steps=4), tmp_path)
    assert seen == [SIZE, count(0.5, SIZE), count(0.25, SIZE), count(0.125, SIZE)]


def test_the_sample_asked_for_is_what_the_criterion_scores_by(tmp_path: Path) -> None:
    experiment = OneShotPruning(densities=[0.3], at="0it", criterion=Fit(), sample=Sample(per_class=3, batches=2))
    recipe = run(experiment, tmp_path)
    assert recipe.drawn == [(Sample(per_class=3, batches=2), {})]


@pytest.mark.parametrize("seed", [0, 3])
def test_a_methods_policy_finds_the_masks_at_initialisation(seed: int, tmp_path: Path) -> None:
    policy = AtInit(0.9, Random(7), Uniform())
    experiment = OneShotPruning(densities=[0.5, 0.2]).taking(policy)
    recipe = run(experiment, tmp_path, seed)
    for ticket, density in zip(recipe.tickets("ticket"), (0.5, 0.2), strict=True):
        expected = replace(policy, density=density).reseeded(seed).start(network(), DENSE)
        assert ticket.mask == expected
    assert [where for _, where in recipe.trained] == ["round-00", "round-01", "round-02"]


@dataclass(frozen=True)
class Outsider(Policy):
    """A method from outside: whatever is largest in the data's mean image."""

    density: float

    def start(self, net: nn.Module, weights: Mask, draw: Draw = lambda sample: ()) -> Mask:
        return prune(Fit()(net, weights, draw(Sample())), self.density, within=weights)


def test_a_policy_from_outside_goes_through_the_same_experiment(tmp_path: Path) -> None:
    controls = [CorruptedData(), RearrangedMask(), ShuffledWeights()]
    recipe = run(OneShotPruning(densities=[0.3], controls=controls).taking(Outsider(0.9)), tmp_path)
    (ticket,), (corrupted,) = recipe.tickets("ticket"), recipe.tickets("corrupted_data")
    assert ticket.mask.kept == corrupted.mask.kept == count(0.3, SIZE)
    assert ticket.mask != corrupted.mask


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Fixed(DENSE), "Fixed has no density"),
        (type("Moving", (Outsider,), {"update": lambda *args: None})(0.5), "Moving moves its mask"),
    ],
)
def test_a_policy_that_finds_no_ticket_is_refused(policy: Policy, words: str, tmp_path: Path) -> None:
    from tiny import build

    from lth_lightning.training import Seeds

    with pytest.raises(ValueError, match=words):
        OneShotPruning().taking(policy).check(build(Seeds.of(0), 0), DENSE)


ALL = [CorruptedData(pixels=False), CorruptedData(labels=False), CorruptedData(), HalfData(), RearrangedMask()]
DATA = ["random_labels", "shuffled_pixels", "corrupted_data", "half_data"]


def test_at_initialisation_other_data_changes_the_scores_and_trains_nothing_more(tmp_path: Path) -> None:
    experiment = OneShotPruning(densities=[0.5, 0.4], at="0it", criterion=Fit(), controls=ALL)
    recipe = run(experiment, tmp_path)
    assert len(recipe.trained) == experiment.trainings == 1 + 2 + 2 * len(ALL)
    assert not recipe.tickets("pretraining")
    for number in (0, 1):
        masks = [recipe.tickets(arm)[number].mask for arm in ("ticket", *DATA)]
        assert len({tuple(mask["0.weight"].flatten().tolist()) for mask in masks}) == len(masks)
        for arm in DATA:  # the ticket itself is trained from the same weights as without
            control = recipe.tickets(arm)[number]
            assert equal(load(control.start)["state_dict"], masked(drawn("0/round-00 at 0it"), control.mask))


def test_after_training_other_data_is_trained_on_first_and_the_clock_stays_the_experiments(tmp_path: Path) -> None:
    rewind = Rewind(weights="trained", to="2ep")
    experiment = OneShotPruning(densities=[0.4, 0.1], rewind=rewind, controls=ALL)
    recipe = run(experiment, tmp_path)
    assert len(recipe.trained) == experiment.trainings == 1 + 2 + 2 * len(ALL) + len(DATA)
    for arm in DATA:
        assert f"{arm}/search/round-00" in [where for ticket, where in recipe.trained if ticket.arm == "pretraining"]
        found = trained(tmp_path, f"{arm}/search/round-00")
        for control, density in zip(recipe.tickets(arm), (0.4, 0.1), strict=True):
            assert control.mask == magnitudes(found, density)
            start = load(control.start)
            assert equal(start["state_dict"], masked(found, control.mask))
            assert start["loops"] == {"moment": "2ep"}


def test_each_control_sets_what_it_is_named_after_and_a_seed_of_its_own_for_each_replicate(tmp_path: Path) -> None:
    seeds = set()
    for seed in (0, 1):
        recipe = run(
            OneShotPruning(densities=[0.4], controls=ALL, at="0it", criterion=Fit()), tmp_path / f"{seed}", seed
        )
        settings = [data for _, data in recipe.drawn]
        seeds |= {data.pop("corruption_seed") for data in settings if data}
        assert settings == [
            {},
            {"random_labels": True, "shuffle_pixels": False},
            {"random_labels": False, "shuffle_pixels": True},
            {"random_labels": True, "shuffle_pixels": True},
            {"train_share": 0.5},
        ]
    assert len(seeds) == 2


def test_shuffled_weights_keep_mask_and_values_of_every_layer_but_not_their_places(tmp_path: Path) -> None:
    for rewind, weights in ((Rewind(), "0/round-00 at 0it"), (Rewind(weights="trained"), "0/round-00 trained")):
        root = tmp_path / rewind.weights
        recipe = run(OneShotPruning(densities=[0.4], controls=[ShuffledWeights()], rewind=rewind), root)
        (ticket,), (control,) = recipe.tickets("ticket"), recipe.tickets("shuffled_weights")
        assert control.mask == ticket.mask
        state, before = load(control.start)["state_dict"], masked(drawn(weights), ticket.mask)
        for name, kept in ticket.mask.items():
            assert bool((state[name][~kept] == 0).all())
            assert torch.equal(state[name][kept].sort().values, before[name][kept].sort().values)
            assert (state[name] == before[name])[kept].float().mean() < 0.3
        assert all(torch.equal(state[name], before[name]) for name in state if name not in ticket.mask)


@pytest.mark.parametrize(
    ("experiment", "absent"),
    [
        (OneShotPruning(at="0it", criterion=Fit()), []),
        (OneShotPruning(at="0it"), DATA),
        (OneShotPruning(at="0it", criterion=Random()), [*DATA, "rearranged_mask"]),
        (OneShotPruning(criterion=Random()), [*DATA, "rearranged_mask"]),
        (OneShotPruning(), []),
        (OneShotPruning(criterion=Random(), rewind=Rewind(weights="trained")), ["rearranged_mask"]),
        (OneShotPruning(at="0it", rewind=Rewind(to="1ep")), []),
        (OneShotPruning().taking(AtInit(0.5, Random())), [*DATA, "rearranged_mask"]),
        (OneShotPruning().taking(Outsider(0.5)), []),
    ],
)
def test_a_check_that_says_nothing_about_a_method_is_left_out_by_name(
    experiment: OneShotPruning, absent: list[str], tmp_path: Path
) -> None:
    experiment = replace(experiment, densities=[0.4], controls=ALL)
    assert sorted(experiment.inapplicable) == sorted(absent)
    assert all(len(reason) > 20 for reason in experiment.inapplicable.values())
    recipe = run(experiment, tmp_path)
    assert not {ticket.arm for ticket, _ in recipe.trained} & set(absent)
    assert len(recipe.trained) == experiment.trainings


def test_iterative_pruning_on_other_data_repeats_the_earlier_rounds_there(tmp_path: Path) -> None:
    from lth_lightning.experiments import IterativePruning

    experiment = IterativePruning(rounds=3, keep=0.5, controls=[CorruptedData(), HalfData()], controls_at=[1, 3])
    recipe = run(experiment, tmp_path)
    assert len(recipe.trained) == experiment.trainings == 1 + 3 + 2 * 2 + 2 * 3
    searched = [where for ticket, where in recipe.trained if ticket.arm == "pretraining"]
    assert [where for where in searched if where.startswith("corr")] == [
        f"corrupted_data/search/round-{number:02}" for number in range(3)
    ]
    last = recipe.tickets("corrupted_data")[-1]
    before = load(tmp_path / "corrupted_data/search/round-02/last.ckpt")["state_dict"]
    assert last.mask.within(Mask({name: before[name] != 0 for name in NAMES}))
    assert last.mask.kept == count(0.125, SIZE)


def test_data_that_cannot_be_corrupted_is_refused_before_anything_is_trained() -> None:
    from types import SimpleNamespace

    from tiny import build

    from lth_lightning.training import Seeds

    built: Any = build(Seeds.of(0), 0)._replace(data=SimpleNamespace())
    with pytest.raises(ValueError, match=r"SimpleNamespace has no random_labels.*leave that control out"):
        OneShotPruning(controls=[CorruptedData()]).check(built, DENSE)
    OneShotPruning(at="0it", controls=[CorruptedData()]).check(
        built, DENSE
    )  # where it does not apply, nothing is asked


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: OneShotPruning(at="0 it"), "'0 it'"),
        (lambda: OneShotPruning(steps=0), "steps is 0"),
        (lambda: CorruptedData(labels=False, pixels=False), "nothing is corrupted"),
        (lambda: HalfData(share=1.0), "share is the part"),
        (lambda: OneShotPruning(controls=[CorruptedData(), CorruptedData()]), "two controls share"),
        (lambda: Sample(per_class=0), "per_class 0"),
    ],
)
def test_wrong_values_are_sentences(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_fake_recipe_on_other_data_is_the_same_otherwise(tmp_path: Path) -> None:
    recipe = FakeRecipe(tmp_path)
    assert recipe.on({"train_share": 0.5}).on({"random_labels": True}).data == {
        "train_share": 0.5,
        "random_labels": True,
    }
    assert recipe.data == {}
