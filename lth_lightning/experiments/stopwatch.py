"""How long a training takes."""

import time
from pathlib import Path

from ..training.timing import note, noted


class Stopwatch:
    """Wall time of a training, summed over its restarts.

    Args:
        path: Its `timing.json`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = noted(path)
        self._start = time.monotonic()

    def write(self) -> None:
        """Write the time so far."""
        note(self.path, "seconds", self._before + time.monotonic() - self._start)
