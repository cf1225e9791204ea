"""Works that take turns, and what is done for all of them at once."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lth_lightning.training.lockstep import Lockstep, aside, current, pause, seconds


class Squares(Lockstep):
    """Squares what is asked for, and keeps in which company it was."""

    def __init__(self, places: int) -> None:
        super().__init__(self._square, places)
        self.companies: list[list[int]] = []

    def _square(self, requests: Sequence[int]) -> list[int]:
        self.companies.append(sorted(requests))
        return [request**2 for request in requests]


@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=6), places=st.integers(1, 7))
def test_every_work_gets_its_own_answers_and_as_many_as_there_are_places_are_asked_at_once(
    lengths: list[int], places: int
) -> None:
    lockstep = Squares(places)

    def work(number: int, length: int) -> list[int]:
        with lockstep.place():
            return [lockstep.together(10 * number + step) for step in range(length)]

    found = lockstep.run([lambda n=n, length=length: work(n, length) for n, length in enumerate(lengths)])
    assert found == [[(10 * n + step) ** 2 for step in range(length)] for n, length in enumerate(lengths)]
    assert all(len(company) <= places for company in lockstep.companies)
    if len({*lengths}) == 1 and places >= len(lengths):
        assert len(lockstep.companies) == lengths[0], "works of one length keep step"


def test_what_is_begun_aside_goes_on_beside_what_follows() -> None:
    lockstep = Squares(2)

    def work() -> tuple[int, int]:
        other = aside(lambda: lockstep.together(3))
        own = lockstep.together(2)
        return own, other()

    assert lockstep.run([work]) == [(4, 9)]
    assert lockstep.companies == [[2, 3]]


def test_without_a_lockstep_it_is_done_at_once() -> None:
    done: list[int] = []
    result = aside(lambda: done.append(1) or 5)
    assert done == [1]
    assert result() == 5
    assert current() is None


def test_one_that_fails_stops_none_that_has_begun_and_what_it_raised_is_raised_in_the_end() -> None:
    lockstep = Squares(2)
    ended: list[int] = []

    def good() -> None:
        for _ in range(3):
            lockstep.together(1)
        ended.append(1)

    def bad() -> None:
        lockstep.together(2)
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        lockstep.run([bad, good, good])
    assert ended == [1], "and the third has not begun"


def test_what_is_done_for_all_fails_for_all() -> None:
    def fail(requests: Sequence[int]) -> list[int]:
        raise MemoryError(f"too many: {len(requests)}")

    lockstep = Lockstep(fail, 2)
    caught: list[str] = []

    def work() -> None:
        try:
            lockstep.together(0)
        except MemoryError as error:
            caught.append(str(error))

    lockstep.run([work, work])
    assert caught == ["too many: 2"] * 2


def test_only_one_of_them_runs_at_a_time() -> None:
    lockstep, inside, most = Squares(8), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            inside += 1
            most = max(most, inside)
            time.sleep(0)  # an offer to any other thread
            inside -= 1
            lockstep.together(1)

    lockstep.run([work] * 8)
    assert most == 1


def test_a_work_that_waits_for_what_another_does_lets_it_on() -> None:
    lockstep, lock, order = Squares(2), [False], list[str]()

    def holder() -> None:
        lock[0] = True
        for _ in range(3):
            lockstep.together(1)
        lock[0] = False
        order.append("holder")

    def waiter() -> None:
        while lock[0]:
            pause(100.0)  # seconds that only another process would be given
        order.append("waiter")

    lockstep.run([holder, waiter])
    assert order == ["holder", "waiter"]


def test_times_of_works_at_once_add_up_to_the_time_that_all_took() -> None:
    lockstep, own = Squares(2), list[float]()

    def work() -> None:
        with lockstep.place():
            begun = seconds()
            for _ in range(4):
                time.sleep(0.01)
                lockstep.together(1)
            own.append(seconds() - begun)

    begun = time.monotonic()
    lockstep.run([work] * 4)
    assert sum(own) == pytest.approx(time.monotonic() - begun, rel=0.2)
    assert sum(own) >= 16 * 0.01


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests are a shell's background job, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_every_work_and_is_raised_where_signals_are_heard() -> None:
    lockstep, ended = Squares(2), list[str]()

    def work() -> None:
        try:
            while True:
                lockstep.together(1)
        finally:
            ended.append(threading.current_thread().name)

    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        lockstep.run([work, work])
    assert len({*ended}) == 2
