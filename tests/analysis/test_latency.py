"""Latency, by clocks that are made up and by networks that sleep."""

import time
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from math import comb

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lth_lightning.analysis.latency import FEWEST, MOST, compared, latency, median_interval


class Machine:
    """A clock that only passes move, and a note of who ran when."""

    def __init__(self, slow: Callable[[int], float] = lambda turn: 1.0) -> None:
        self.now, self.ran, self.slow = 0.0, list[str](), slow

    def takes(self, name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.ran.append(name)
            self.now += seconds * self.slow(len(self.ran))

        return run

    def clock(self) -> float:
        return self.now


@pytest.mark.parametrize("drift", [lambda turn: 1.0, lambda turn: 1.02**turn], ids=["steady", "slows down"])
def test_what_takes_twice_as_long_is_told_twice_however_the_machine_drifts(drift: Callable[[int], float]) -> None:
    machine = Machine(drift)
    found = compared(machine.takes("a", 0.2), machine.takes("b", 0.1), 30, clock=machine.clock)
    assert found.ratio == pytest.approx(2, rel=0.025)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.ratio <= found.high
    assert found.high - found.low < 0.09, "neighbouring passes differ by two percent"
    if drift(5) == 1:
        assert (found.seconds, found.beside) == (pytest.approx(0.2), pytest.approx(0.1))


def test_in_every_turn_both_run_and_who_is_first_changes() -> None:
    machine = Machine()
    found = compared(machine.takes("a", 0.25), machine.takes("b", 0.25), 10, clock=machine.clock)
    assert found.turns == 20
    turns = "".join(machine.ran[-2 * found.turns :])
    assert [turns[i : i + 2] for i in range(0, len(turns), 2)] == ["ba", "ab"] * 10


def test_a_pass_that_is_disturbed_now_and_then_does_not_count() -> None:
    machine = Machine(lambda turn: 80.0 if turn % 7 == 0 else 1.0)
    found = compared(machine.takes("a", 1e-4), machine.takes("b", 5e-5), 0.5, clock=machine.clock)
    assert (found.seconds, found.beside, found.ratio) == tuple(pytest.approx(each) for each in (1e-4, 5e-5, 2))
    assert (found.low, found.high) == (pytest.approx(2), pytest.approx(2))


@pytest.mark.parametrize(
    ("seconds", "turns"), [(1e-6, MOST), (0.02, 13), (0.4, FEWEST), (3.0, 4), (60.0, 1)], ids=lambda each: f"{each:g}"
)
def test_slow_networks_are_timed_less_often_and_too_few_turns_have_no_interval(seconds: float, turns: int) -> None:
    machine = Machine()
    found = compared(machine.takes("a", seconds), machine.takes("b", seconds), 1.0, clock=machine.clock)
    assert found.turns == pytest.approx(turns, abs=max(1, turns // 3) if 1 < turns < MOST else 0)
    assert (found.low is None) == (found.turns < FEWEST)
    assert machine.now < 1.0 * 21 + 4 * seconds


def test_what_was_begun_is_waited_for_before_the_clock_is_read() -> None:
    begun, machine = list[float](), Machine()

    def wait() -> None:
        machine.now += sum(begun)
        begun.clear()

    found = compared(lambda: begun.append(0.3), lambda: begun.append(0.1), 5, wait, machine.clock)
    assert (found.seconds, found.beside) == (pytest.approx(0.3), pytest.approx(0.1))


class Sleeping(nn.Module):
    """Takes so long, whatever comes in."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.weight = seconds, nn.Parameter(torch.zeros(1))
        self.seen = list[tuple[object, ...]]()

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append((tuple(images.shape), self.training, torch.is_inference_mode_enabled()))
        time.sleep(self.seconds)
        return images


def test_a_network_that_sleeps_twice_as_long_takes_twice_as_long() -> None:
    net, other = Sleeping(0.02), Sleeping(0.01)
    found = latency(net, other, (1, 4, 4), 3, 0.4)
    assert found.ratio == pytest.approx(2, rel=0.2)
    assert found.seconds == pytest.approx(0.02, rel=0.4)
    assert {*net.seen, *other.seen} == {((3, 1, 4, 4), False, True)}
    assert net.training, "as it was"


def test_a_network_beside_itself_takes_as_long_and_the_interval_says_so() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    covered = []
    for _ in range(5):
        found = latency(net, net, (1, 8, 8), 8, 0.1)
        assert found.low is not None
        assert found.high is not None
        assert found.ratio == pytest.approx(1, abs=0.3)
        covered.append(found.low <= 1 <= found.high)
    assert sum(covered) >= 3


@pytest.mark.parametrize(("batch", "seconds"), [(0, 1.0), (1, 0.0)])
def test_nothing_is_timed_without_images_or_time(batch: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="1 image or more and takes some seconds"):
        latency(Sleeping(0), Sleeping(0), (1, 2, 2), batch, seconds)


@given(st.integers(1, 60))
def test_an_interval_of_ranks_leaves_out_as_many_as_a_binomial_count_allows(n: int) -> None:
    found = median_interval([float(i) for i in range(n, 0, -1)])

    def misses(k: int) -> float:  # k below the median, or fewer: the k-th smallest lies above it
        return 2 * sum(comb(n, i) for i in range(k)) / 2**n

    if found is None:
        assert n < FEWEST
        assert misses(1) > 0.05
        return
    low, high = found
    assert high == n + 1 - low
    assert misses(int(low)) <= 0.05 < misses(int(low) + 1)


def numbers() -> Iterator[float]:
    return (1.0 + 0.1 * ((7 * i) % 11) for i in count())


def test_an_interval_does_not_depend_on_the_order() -> None:
    values = [value for value, _ in zip(numbers(), range(20), strict=False)]
    assert median_interval(values) == median_interval(sorted(values))
    assert all(a <= b for a, b in pairwise(median_interval(values) or ()))
