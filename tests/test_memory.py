"""Memory over many trainings in one process."""

import gc
from pathlib import Path

import pytest
import tiny
import torch

from benchmarks.memory import BEFORE, Resident, measured
from lth_lightning.experiments import IterativePruning, Reinitialised


@pytest.mark.slow
def test_memory_does_not_grow_over_twenty_rounds_with_controls(tmp_path: Path) -> None:
    found = measured(tmp_path, rounds=20)
    assert len(found.sizes) == 1 + 2 * 20
    assert found.slope < 1.4 / 2, found.sizes  # half of the network, of which a leak would keep all


def tensors() -> int:
    """How many tensors there are once garbage is gone."""
    gc.collect()
    return sum(type(each) is torch.Tensor for each in gc.get_objects())


def test_what_an_experiment_returns_keeps_no_tensor(tmp_path: Path) -> None:
    experiment = IterativePruning(rounds=2, keep=0.5, controls=[Reinitialised()])
    experiment.run(tiny.recipe(tmp_path / "first"), tmp_path / "first")
    before = tensors()
    results = experiment.run(tiny.recipe(tmp_path / "second"), tmp_path / "second")
    assert tensors() == before
    assert [round(result.mask.density, 2) for result in results[:3]] == [1.0, 0.5, 0.25]
    assert tensors() == before


def test_a_leak_would_be_seen() -> None:
    leaking = Resident()
    leaking.sizes = [500.0] * BEFORE + [600.0 + 2 * number for number in range(20)]
    assert leaking.slope == pytest.approx(2)
