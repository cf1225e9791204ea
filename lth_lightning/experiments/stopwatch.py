"""How long a training takes."""

from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from ..training.lockstep import seconds
from ..training.timing import note, noted


class Stopwatch:
    """Wall time of a training, summed over its restarts; its share, where several are trained at once.

    Args:
        path: Its `timing.json`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = noted(path)
        self._start = seconds()

    @rank_zero_only
    def write(self) -> None:
        """Write the time so far."""
        note(self.path, "seconds", self._before + seconds() - self._start)
