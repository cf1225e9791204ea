"""What a study arranges, with a recipe that trains nothing."""

from pathlib import Path
from typing import Any

import pytest
import tiny
from fake import FakeRecipe, equal, run, trained

from lth_lightning.experiments import (
    Dense,
    IterativePruning,
    OneShotPruning,
    Reinitialised,
    Retrained,
    Rewind,
    SmallDense,
    Study,
)
from lth_lightning.experiments.runner import Run
from lth_lightning.sparsity import AtInit
from lth_lightning.training import load

IMP = IterativePruning(rounds=2, keep=0.5, controls=[Reinitialised(), SmallDense()])
OMP = OneShotPruning(densities=[0.5, 0.25], controls=[SmallDense()], rewind=Rewind(to="1ep"))
GRID: Any = {"model.optimizer.lr": [0.1, 0.01]}
LABELLED: Any = {"length": {"short": {"trainer.max_epochs": 4}, "long": {"trainer.max_epochs": 9}}}


def where(recipe: FakeRecipe) -> list[str]:
    return [place for _, place in recipe.trained]


def test_every_method_runs_at_every_point_and_what_they_share_is_trained_once(tmp_path: Path) -> None:
    study = Study(methods={"imp": IMP, "omp": OMP}, grid=GRID)
    recipe = run(study, tmp_path)
    found = where(recipe)
    shared = ["dense", "small_dense/density-0.5", "small_dense/density-0.25"]
    own = ["imp/round-01", "imp/round-02", "imp/reinitialised/round-01", "imp/reinitialised/round-02"]
    own += ["omp/round-01", "omp/round-02"]
    assert sorted(found) == sorted(f"lr-{lr}/{name}" for lr in (0.1, 0.01) for name in shared + own)
    assert study.trainings == len(found)
    assert {part.name for part in study.parts} == {f"lr-{lr}/{name}" for lr in (0.1, 0.01) for name in ("imp", "omp")}
    places = [f"lr-{lr}/{name}" for lr in (0.1, 0.01) for name in shared]
    assert sorted(study.in_common) == sorted(places)


def test_rows_tell_the_point_and_the_method_unless_it_is_shared(tmp_path: Path) -> None:
    recipe = run(Study(name="mine", methods={"imp": IMP}, grid=GRID), tmp_path)
    changes, labels = recipe.varieties["lr-0.1/imp/round-01"]
    assert changes == {"model.optimizer.lr": 0.1}
    expected = {"study": "mine", "point": {"lr": 0.1}, "experiment": "IterativePruning", "method": "imp"}
    assert labels == expected
    changes, labels = recipe.varieties["lr-0.01/dense"]
    assert changes == {"model.optimizer.lr": 0.01}
    assert labels == {"study": "mine", "point": {"lr": 0.01}, "experiment": "Study"}


def test_a_method_in_a_study_does_what_it_does_alone(tmp_path: Path) -> None:
    alone = run(IMP, tmp_path / "alone")
    together = run(Study(methods={"omp": OMP, "imp": IMP}), tmp_path / "together")
    for arm in ("ticket", "reinitialised", "small_dense"):
        one = [(t.round, t.density, t.init, t.width) for t in alone.tickets(arm)]
        other = [(t, place) for t, place in together.trained if t.arm == arm and "omp" not in place]
        if arm == "small_dense":  # in whatever round it is needed
            assert [pair[1:] for pair in one] == [(t.density, t.init, t.width) for t, _ in other]
        else:
            assert one == [(t.round, t.density, t.init, t.width) for t, _ in other]


def test_whichever_method_comes_first_what_they_share_is_the_same(tmp_path: Path) -> None:
    later = OneShotPruning(densities=[0.9, 0.25], controls=[SmallDense()])
    one = run(Study(methods={"imp": IMP, "omp": later}), tmp_path / "one")
    other = run(Study(methods={"omp": later, "imp": IMP}), tmp_path / "other")
    (first,), (second,) = (
        [ticket for ticket, place in recipe.trained if place == "small_dense/density-0.25"] for recipe in (one, other)
    )
    assert first == second


def test_the_dense_network_keeps_what_any_method_starts_from(tmp_path: Path) -> None:
    run(Study(methods={"imp": IMP, "omp": OMP}), tmp_path)
    assert sorted(path.name for path in (tmp_path / "dense").glob("kept-*")) == ["kept-0it.ckpt", "kept-1ep.ckpt"]


def test_a_method_that_joins_later_gets_the_early_checkpoint_that_was_not_kept(tmp_path: Path) -> None:
    run(Study(methods={"imp": IMP}), tmp_path)
    before = trained(tmp_path, "dense")
    recipe = run(Study(methods={"imp": IMP, "omp": OMP}), tmp_path)
    assert where(recipe) == ["dense/again", "omp/round-01", "omp/round-02"]
    assert load(tmp_path / "dense/kept-1ep.ckpt")["loops"] == {"moment": "1ep"}
    assert not (tmp_path / "dense/again").exists()
    assert equal(trained(tmp_path, "dense"), before)
    assert where(run(Study(methods={"imp": IMP, "omp": OMP}), tmp_path)) == []


def test_a_study_grows_without_doing_anything_again(tmp_path: Path) -> None:
    run(Study(methods={"imp": IMP}, grid={"model.optimizer.lr": [0.1]}), tmp_path)
    longer = IterativePruning(rounds=3, keep=0.5, controls=[Reinitialised(), SmallDense()])
    grown = where(run(Study(methods={"imp": longer}, grid=GRID), tmp_path))
    third = {"imp/round-03", "imp/reinitialised/round-03", "small_dense/density-0.125"}
    assert {place for place in grown if place.startswith("lr-0.1/")} == {f"lr-0.1/{name}" for name in third}
    assert sum(place.startswith("lr-0.01/") for place in grown) == 1 + 3 * 3


def flat(**arguments: Any) -> dict[str, Any]:
    return {
        "methods.imp.class_path": "IterativePruning",
        "methods.imp.init_args.keep": 0.5,
        "methods.imp.init_args.rounds": 2,
        "grid.model.optimizer.lr": [0.1, 0.01],
        "grid.length.short.trainer.max_epochs": 4,
        "grid.length.long.trainer.max_epochs": 9,
        **{key.replace("__", "."): value for key, value in arguments.items()},
    }


@pytest.mark.parametrize(
    ("key", "value", "may"),
    [
        ("grid.model.optimizer.lr", [0.1], True),
        ("grid.model.optimizer.lr", [0.5, 0.1], True),
        ("grid.model.optimizer.lr", None, False),
        ("grid.length.short.trainer.max_epochs", 5, False),
        ("grid.length.longer.trainer.max_epochs", 12, True),
        ("grid.other", [1], False),
        ("methods.imp.init_args.rounds", 5, True),
        ("methods.imp.init_args.keep", 0.8, False),
        ("methods.imp.class_path", "OneShotPruning", False),
        ("methods.omp.class_path", "OneShotPruning", True),
        ("name", "other", True),
    ],
)
def test_values_of_axes_and_methods_may_be_added_and_nothing_else_may_change(key: str, value: Any, may: bool) -> None:
    study = Study(methods={"imp": IMP, "omp": OMP}, grid={**GRID, **LABELLED})
    there = {name: old for name, old in {**flat(), key: value}.items() if old is not None}
    assert study.may_differ(key, there, flat()) == may


def test_densities_may_be_added_at_the_end_of_their_list_only() -> None:
    def may(there: list[float], here: list[float]) -> bool:
        return OMP.may_differ("densities", {"densities": there}, {"densities": here})

    assert may([0.5], [0.5, 0.25])
    assert may([0.5, 0.25], [0.5])
    assert not may([0.5], [0.7, 0.5]), "their places are the names of their folders"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"methods": {}}, "a study has no methods"),
        ({"methods": {"dense": IMP}}, "a method is called dense"),
        ({"methods": {"a/b": IMP}}, "a method is called 'a/b'"),
        ({"methods": {"a": Study(methods={"imp": IMP})}}, "the method a is itself a Study"),
    ],
)
def test_a_study_that_cannot_be_is_refused(options: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Study(**options)


def test_points_that_a_verdict_compares_may_differ_in_the_learning_rate_only() -> None:
    config = {"trainer.max_epochs": 4, "data.class_path": "CIFAR10", "data.init_args.batch_size": 8}
    study = Study(methods={"imp": IMP}, grid=GRID)
    study.comparable([config, {**config, "data.init_args.batch_size": 16}])
    for key, other in (("trainer.max_epochs", 8), ("data.class_path", "CIFAR100"), ("data.init_args.subset", 100)):
        with pytest.raises(ValueError, match=rf"lr-0.1 and lr-0.01 cannot be compared.*{key} is .* and {other}"):
            study.comparable([config, {**config, key: other}])
    lengths = Study(methods={"imp": IMP}, grid=LABELLED)
    lengths.comparable([config, {**config, "trainer.max_epochs": 9}])  # an axis of its own is judged value by value


def test_a_study_takes_no_method_from_outside() -> None:
    with pytest.raises(ValueError, match="a study names its methods, and the config has a Sparsify with AtInit"):
        Study(methods={"imp": IMP}).taking(AtInit(0.1))


@pytest.mark.parametrize("extra", [{}, {"imp": IterativePruning(rounds=1)}], ids=["alone", "with another"])
def test_a_study_is_not_finished_before_what_its_methods_share(extra: dict[str, Any], tmp_path: Path) -> None:
    study = Study(methods={"plain": Dense(), **extra})
    job = Run(study, tiny.build, tmp_path, {})
    assert job.missing() == len(study.parts)
    assert len({result.folder for result in job.run()}) == study.trainings == len(job.finished)
    assert job.missing() == 0
    (tmp_path / "seed-0" / "dense" / "result.pt").unlink()
    assert job.missing() == len(study.parts)


def test_a_trial_has_every_method_and_little_of_each() -> None:
    long = IterativePruning(rounds=14, controls=[Reinitialised()], controls_at=[4, 14], rewind=Rewind(to="8ep"))
    many = OneShotPruning(densities=[0.5, 0.2, 0.1], rewind=Rewind(weights="trained", to="end", more="40ep"))
    tried = Study(methods={"imp": long, "omp": many, "none": Dense()}, grid={"data.batch_size": [1, 2, 3]}).tried()
    assert list(tried.methods) == ["imp", "omp", "none"]
    assert tried.axes == {"batch_size": [1, 3]}
    assert tried.trainings == 2 * (1 + 3 + 1)
    imp, omp = tried.methods["imp"], tried.methods["omp"]
    assert isinstance(imp, IterativePruning)
    assert isinstance(omp, OneShotPruning)
    assert imp.rewind == Rewind(to="1it")
    assert omp.rewind == Rewind(weights="trained", to="end", more="1ep")


def test_a_ticket_is_retrained_with_other_settings_from_its_own_initialisation(tmp_path: Path) -> None:
    other = Retrained(name="at_0.05", changes={"model.optimizer.lr": 0.05})
    recipe = run(Study(methods={"imp": IterativePruning(rounds=1, controls=[other])}, grid=GRID), tmp_path)
    (ticket,) = [t for t, place in recipe.trained if place == "lr-0.1/imp/round-01"]
    (again,) = [t for t, place in recipe.trained if place == "lr-0.1/imp/retrained_at_0.05/round-01"]
    assert recipe.varieties["lr-0.1/imp/retrained_at_0.05/round-01"][0] == {"model.optimizer.lr": 0.05}
    assert recipe.varieties["lr-0.1/imp/round-01"][0] == {"model.optimizer.lr": 0.1}
    assert ticket.mask is again.mask
    assert (again.start, again.init) == (None, None)
    rewound = IterativePruning(rounds=1, rewind=Rewind(to="1ep"), controls=[other])
    assert list(rewound.inapplicable) == ["retrained_at_0.05"]
