"""How long a training takes."""

import json
import time
from pathlib import Path


class Stopwatch:
    """Wall time of a training, summed over its restarts: the one file that differs between equal runs.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = json.loads(path.read_text())["seconds"] if path.exists() else 0.0
        self._start = time.monotonic()

    def write(self) -> None:
        """Write the time so far."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps({"seconds": round(self._before + time.monotonic() - self._start, 3)}))
        partial.replace(self.path)
