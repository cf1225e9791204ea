"""Memory over many trainings in one process."""

from pathlib import Path

import pytest

from benchmarks.memory import BEFORE, Resident, measured


@pytest.mark.slow
def test_memory_does_not_grow_over_twenty_rounds_with_controls(tmp_path: Path) -> None:
    found = measured(tmp_path, rounds=20)
    assert len(found.sizes) == 1 + 2 * 20
    assert found.slope < 1.4 / 2, found.sizes  # half of the network, of which a leak would keep all


def test_a_leak_would_be_seen() -> None:
    leaking = Resident()
    leaking.sizes = [500.0] * BEFORE + [600.0 + 2 * number for number in range(20)]
    assert leaking.slope == pytest.approx(2)
