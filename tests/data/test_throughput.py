"""How long training waits for its images."""

import time
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from lth_lightning.data.throughput import Pace, images_per_second


def slowly(seconds: float, batches: int) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(batches):
        time.sleep(seconds)
        yield torch.zeros(10, 1), torch.zeros(10)


def test_waiting_and_working_are_told_apart() -> None:
    pace = Pace()
    for _ in pace.clocked(slowly(0.03, 6)):
        time.sleep(0.01)
    assert pace.images == 60
    assert 0.18 <= pace.waiting < 0.18 + 0.5
    assert 0.06 <= pace.working < 0.06 + 0.5
    iterator = pace.clocked(slowly(0.03, 6))
    next(iterator)
    assert pace.images == 60, "a batch that may be the last of its epoch is not waited for or worked on to its end"


def test_a_loader_that_is_the_bottleneck_is_told_with_a_remedy() -> None:
    slow = Pace(images=5000, waiting=30, working=20)
    told = slow.told(workers=2, processors=8, before={})
    assert told["advice"] == (
        "training waits for images 60% of its time (100 images a second), so reading is the bottleneck: "
        "--data.workers 8 (now 2), files with no more pixels than needed, or a smaller --data.size help"
    )
    assert ": more processors, files" in slow.told(workers=8, processors=8, before={})["advice"]
    assert Pace(5000, 9, 41).told(2, 8, {})["advice"] == ""
    assert Pace(50, 0.9, 0.1).told(2, 8, {})["advice"] == "", "too short to tell"
    assert Pace().told(2, 8, {}) == {"images": 0, "waiting": 0, "working": 0, "advice": ""}


def test_what_was_before_an_interruption_counts() -> None:
    told = Pace(100, 1.5, 2).told(0, 1, Pace(40, 0.25, 1).told(0, 1, {}))
    assert (told["images"], told["waiting"], told["working"]) == (140, 1.75, 3)


def test_the_speed_of_a_loader_is_that_after_its_first_batch() -> None:
    def late() -> Iterator[tuple[Tensor, Tensor]]:
        time.sleep(0.5)
        yield from slowly(0.01, 30)

    assert 100 < images_per_second(late(), 20) <= 1000
    with pytest.raises(ValueError, match="has one batch only"):
        images_per_second(slowly(0, 1), 5)
    with pytest.raises(ValueError, match="has no batch"):
        images_per_second(slowly(0, 0), 5)
