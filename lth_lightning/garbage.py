"""Garbage of trainings is looked for among what they made, not in the million objects of the libraries."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_apart = False  # gc.get_freeze_count would say it too, but counts half a million objects for 50 ms


@contextmanager
def imports() -> Iterator[None]:
    """Import in here what stays: no garbage is looked for in it, now or later, which would take a second more."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
    set_apart()


def set_apart() -> None:
    """Look for no garbage among all that there is now, until the process ends."""
    global _apart
    gc.freeze()
    _apart = True
    atexit.register(gc.unfreeze)  # or libraries would take what stays for leaks, and say so


def collect() -> None:
    """Free what trainings before have left: a Trainer and its module hold each other, and tensors with them.

    Only where what was imported is set apart, as in a command: it takes 15 ms there, and else half a second.
    """
    if _apart:
        gc.collect()
