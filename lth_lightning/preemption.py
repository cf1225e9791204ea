"""Signals that ask to stop: they are noted, and a training leaves where all of it is saved. Imports nothing heavy."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from signal import Signals
from types import FrameType

SIGNALS = (Signals.SIGTERM, Signals.SIGUSR1)
CONTINUES = "the same command line continues where it was"
_TEXTS = {Signals.SIGTERM: f"terminated: {CONTINUES}", Signals.SIGUSR1: f"interrupted by SIGUSR1: {CONTINUES}"}
_received: list[Signals] = []
_listening: list[bool] = []


class StoppedError(SystemExit):
    """A signal asked to stop, and what was trained is saved; an exit, so that nothing takes it for a failure.

    Args:
        by: The signal.
        text: What there is to say, if it is not that the same command continues.
        code: The exit code; 128 and the number of the signal by default.
    """

    def __init__(self, by: Signals, text: str = "", code: int | None = None) -> None:
        super().__init__(128 + by if code is None else code)
        self.by = by
        self.text = text or _TEXTS[by]


@contextmanager
def listening() -> Iterator[None]:
    """Note SIGTERM and SIGUSR1, which else end the process on the spot, until the block ends.

    A handler does nothing more, as what it interrupts may be half done. Only the main thread can listen.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, _note) for each in SIGNALS}
    _listening.append(True)
    try:
        yield
    finally:
        _listening.pop()
        for each, handler in before.items():
            signal.signal(each, handler)
        _received.clear()


def _note(number: int, frame: FrameType | None) -> None:
    _received.append(Signals(number))


def heard() -> bool:
    """Whether signals are noted here, so that nobody else has to."""
    return bool(_listening)


def asked() -> Signals | None:
    """The signal that asks to stop, if one does: of both SIGTERM, by which a job is ended for good."""
    return min(_received, key=SIGNALS.index, default=None)


def stop_if_asked() -> None:
    """Leave, if a signal asks to. To be called where nothing is unsaved.

    Raises:
        StoppedError: If one does.
    """
    by = asked()
    if by is not None:
        raise StoppedError(by)
