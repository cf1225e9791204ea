"""Small dense networks: narrower, and no more parameters than the ticket."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from composing import parsed
from fake import SIZE, run
from hypothesis import given
from hypothesis import strategies as st
from tiny import build

from lth_lightning.experiments import IterativePruning, SmallDense, Study
from lth_lightning.experiments.results import describe
from lth_lightning.experiments.widths import HALVINGS, narrowed, parameters
from lth_lightning.sparsity import Mask, prunable
from lth_lightning.training import Seeds


@given(st.integers(1, 5000), st.integers(1, 64), st.data())
def test_the_width_is_the_largest_that_has_no_more_parameters(total: int, units: int, data: st.DataObject) -> None:
    def size(width: float) -> int:
        return total * max(1, int(width * units)) ** 2 // units**2  # whole units, quadratic

    fewer = data.draw(st.integers(0, size(1.0)))
    most = size(1.0) - fewer
    step = 0.5**HALVINGS
    if size(step) > most:
        with pytest.raises(ValueError, match="narrow enough"):
            narrowed(size, fewer)
        return
    width = narrowed(size, fewer)
    assert 0 < width <= 1
    assert size(width) <= most
    assert width == 1.0 or size(width + step) > most or width + step >= 1.0


@pytest.mark.parametrize(
    ("task", "density"),
    [
        ("digits", 0.3),
        ("resnet8_digits", 0.3),
        pytest.param("resnet20_cifar10", 0.05, marks=pytest.mark.slow),
        pytest.param("vgg16_cifar10", 0.1, marks=pytest.mark.slow),
    ],
)
def test_a_narrowed_network_has_as_many_parameters_as_a_ticket_or_hardly_fewer(
    task: str, density: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["lth"])  # Lightning warns of the words after pytest, which it is not given
    cli = parsed("--config", task, "--config", "dense")
    full, seeds = parameters(cli.build, Seeds.of(0), 1.0), Seeds.of(0)
    assert full == sum(weight.numel() for weight in cli.build(seeds, 0).module.parameters())
    fewer = int((1 - density) * full)
    width = narrowed(lambda share: parameters(cli.build, seeds, share), fewer)
    there = sum(weight.numel() for weight in cli.build(seeds, 0, width).module.parameters())
    assert 0.8 * (full - fewer) < there <= full - fewer
    depth = [len(list(cli.build(seeds, 0, share).module.modules())) for share in (None, width)]
    assert depth[0] == depth[1]


def test_every_ticket_has_a_small_dense_network_of_its_own_without_mask_or_start(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=3, keep=0.5, controls=[SmallDense()]), tmp_path)
    inits = set()
    for ticket, control in zip(recipe.tickets("ticket"), recipe.tickets("small_dense"), strict=True):
        assert control.mask is None
        assert control.start is None
        assert control.width == 1 - (SIZE - ticket.mask.kept) / (2 * SIZE)
        assert (control.round, control.density, control.weights) == (ticket.round, ticket.density, SIZE)
        inits.add(control.init)
    assert len(inits) == 3


def test_a_row_tells_the_width_and_the_density_in_terms_of_the_whole_network(tmp_path: Path) -> None:
    recipe = run(IterativePruning(rounds=1, keep=0.5, controls=[SmallDense()]), tmp_path)
    (ticket,) = recipe.tickets("small_dense")
    small = Mask.dense(prunable(torch.nn.Linear(7, 10)))
    row = describe(ticket, small, [{"epoch": 1, "step": 1}], {})
    assert (row["width"], row["weights_kept"], row["weights"]) == (ticket.width, 70, SIZE)
    assert row["density"] == 70 / SIZE
    assert row["density_asked"] == 0.5


def test_a_network_without_a_width_is_refused_before_anything_is_trained() -> None:
    built: Any = build(Seeds.of(0), 0)
    with pytest.raises(ValueError, match="Net has no width that SmallDense could reduce"):
        IterativePruning(controls=[SmallDense()]).check(built, Mask.dense(prunable(built.module)))


def test_a_small_network_of_another_shape_is_made_by_changes_and_shared_with_nobody(tmp_path: Path) -> None:
    changes = {"model.net.hidden": [3, 2]}
    method = IterativePruning(rounds=1, controls=[SmallDense(changes)])
    assert method.changes == [changes], "so that they are looked at before anything is trained"
    assert not method.small_dense, "none is narrowed"
    study = Study(methods={"imp": method})
    recipe = run(study, tmp_path)
    (ticket,) = recipe.tickets("small_dense")
    assert (ticket.width, ticket.mask, ticket.start, ticket.weights) == (None, None, None, SIZE)
    where = "imp/small_dense/round-01"
    assert [place for _, place in recipe.trained] == ["dense", "imp/round-01", where]
    assert recipe.varieties[where][0] == changes
    assert recipe.varieties["imp/round-01"][0] == {}
    assert len(recipe.trained) == study.trainings
    assert [*study.arms] == ["dense", "imp/ticket", "imp/small_dense"]
