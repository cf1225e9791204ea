"""Work in threads that take turns, so that what several of them wait for is done for all at once."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

WAKE_SECONDS = 0.1
T = TypeVar("T")
_here = threading.local()


class InterruptedTurnError(SystemExit):
    """The thread that hears signals was interrupted; an exit, so that nothing takes it for a failure."""


class Work(Generic[T]):
    """What a thread of a lockstep does.

    Args:
        lockstep: Whose turns it takes.
        call: What to do.
    """

    def __init__(self, lockstep: "Lockstep", call: Callable[[], T]) -> None:
        self.gate = threading.Semaphore(0)
        self.request: Any = None
        self.answer: Any = None
        self.failure: BaseException | None = None
        self.ended = False
        self._lockstep, self._call = lockstep, call
        self._values: list[T] = []
        threading.Thread(target=self._run, daemon=True).start()

    def result(self) -> T:
        """What it returns, once it has ended.

        Raises:
            BaseException: What it raised.
        """
        while not self.ended:
            self._lockstep.pause()
        if self.failure is not None:
            raise self.failure
        return self._values[0]

    def _run(self) -> None:
        _here.work, _here.lockstep = self, self._lockstep
        self.gate.acquire()
        try:
            self._values.append(self._call())
        except BaseException as failure:
            self.failure = failure
        self.ended = True
        self._lockstep.pass_on()


class Lockstep:
    """Runs works in threads of which one goes on at a time: the next does where one waits, pauses or ends.

    So none finds shared state half changed. What they ask for waits until nobody else can go on, and is then done for
    all who ask: trainings keep step by themselves.

    Args:
        together: Does what is asked for: requests -> an answer to each.
        places: How many works may have a `place` at a time.
    """

    def __init__(self, together: Callable[[Sequence[Any]], Sequence[Any]], places: int) -> None:
        self.places = places
        self._together = together
        self._free = list(range(places))
        self._ready: deque[Work[Any]] = deque()  # could go on
        self._idle: deque[Work[Any]] = deque()  # could, once something has happened
        self._asking: list[Work[Any]] = []
        self._over = threading.Event()
        self._interrupted = False
        self._clock, self._since = 0.0, time.monotonic()

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Do works, as many at a time as there are places; called by the thread that hears signals.

        Raises:
            BaseException: What one of them raised, once all that had begun have ended; or KeyboardInterrupt.
        """
        waiting, found = deque(enumerate(calls)), dict[int, T]()

        def work() -> None:
            try:
                while waiting:
                    number, call = waiting.popleft()
                    found[number] = call()
            except BaseException:
                waiting.clear()
                raise

        works = [self.begin(work) for _ in range(min(self.places, len(calls)))]
        self._over.clear()
        self.pass_on()
        interrupt: BaseException | None = None
        while not self._over.is_set():
            try:
                self._over.wait(WAKE_SECONDS)
            except BaseException as error:
                interrupt, self._interrupted = error, True
        if interrupt is not None:
            raise interrupt
        for each in works:
            each.result()
        return [found[number] for number in range(len(calls))]

    def begin(self, call: Callable[[], T]) -> Work[T]:
        """Begin a work."""
        work = Work(self, call)
        self._ready.append(work)
        return work

    def together(self, request: Any) -> Any:
        """The answer to a request, once nobody can go on without one."""
        own: Work[Any] = _here.work
        own.request, own.answer = request, None
        self._asking.append(own)
        self._let_on(own)
        if isinstance(own.answer, BaseException):
            raise own.answer
        return own.answer

    def pause(self) -> None:
        """Let others on, until they wait for something."""
        self._idle.append(_here.work)
        self._let_on(_here.work)

    @contextmanager
    def place(self) -> Iterator[int]:
        """Have one of the places, once one is free."""
        while not self._free:
            self.pause()
        self.seconds()
        number = self._free.pop(0)
        try:
            yield number
        finally:
            self.seconds()
            self._free = sorted([*self._free, number])

    def seconds(self) -> float:
        """A clock that is as many times slower as there are works in places: the time of each is its share."""
        now = time.monotonic()
        self._clock += (now - self._since) / max(1, self.places - len(self._free))
        self._since = now
        return self._clock

    def pass_on(self) -> None:
        """Let the next go on."""
        while not self._ready:
            if self._asking:
                asking, self._asking = self._asking, []
                self._answer(asking)
                self._ready += asking
            elif self._idle:
                time.sleep(WAKE_SECONDS)
            else:
                return self._over.set()
            self._ready += self._idle
            self._idle.clear()
        self._ready.popleft().gate.release()

    def _let_on(self, own: Work[Any]) -> None:
        self.pass_on()
        own.gate.acquire()
        if self._interrupted:
            raise InterruptedTurnError(130)

    def _answer(self, asking: Sequence[Work[Any]]) -> None:
        try:
            answers = self._together([work.request for work in asking])
        except BaseException as error:
            answers = [error] * len(asking)
        for work, answer in zip(asking, answers, strict=True):
            work.request, work.answer = None, answer


def current() -> Lockstep | None:
    """The lockstep whose turns this thread takes."""
    return getattr(_here, "lockstep", None)


def pause(seconds: float) -> None:
    """Let others get on: the other works of a lockstep, or other processes for some time."""
    lockstep = current()
    if lockstep is None:
        time.sleep(seconds)
    else:
        lockstep.pause()


def aside(call: Callable[[], T]) -> Callable[[], T]:
    """Do a work: beside what follows in a lockstep, else now.

    Args:
        call: The work.

    Returns:
        What gives its result, once it has ended.
    """
    lockstep = current()
    if lockstep is not None:
        return lockstep.begin(call).result
    done = call()
    return lambda: done


def seconds() -> float:
    """A clock for what this thread does: in a lockstep, which does several things at once, it goes slower."""
    lockstep = current()
    return time.monotonic() if lockstep is None else lockstep.seconds()
