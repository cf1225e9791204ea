"""How long a training takes."""

import sys
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from ..training.lockstep import seconds
from ..training.timing import note, noted


class Stopwatch:
    """Wall time of a training, summed over its restarts, and what compiling its network took of it.

    Where several are trained at once, its share.

    Args:
        path: Its `timing.json`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before, self._compiled_before = noted(path), noted(path, "compile")
        self._start, self._compiled = seconds(), compiled()

    @rank_zero_only
    def write(self) -> None:
        """Write the time so far."""
        note(self.path, "seconds", self._before + seconds() - self._start)
        if compiling := self._compiled_before + compiled() - self._compiled:
            note(self.path, "compile", compiling)


def compiled() -> float:
    """The seconds that this process has compiled networks for."""
    compiler = sys.modules.get("torch._dynamo.utils")  # which takes long to import, and is there once it is needed
    return 0.0 if compiler is None else float(compiler.calculate_time_spent()["total_wall_time"])
