"""`wandb.json`: the token that ends ids, what W&B has of each training, and the overviews that were uploaded."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..files import replacing, turn


def read(file: Path) -> dict[str, Any]:
    """What is in the file; nothing where there is none.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        return {"done": {}, "overviews": {}, **(json.loads(file.read_text()) if file.exists() else {})}
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file} cannot be read ({error}): delete it, and W&B gets all runs anew") from error


@contextmanager
def changing(file: Path) -> Iterator[dict[str, Any]]:
    """What is in the file, to be changed in place: written at the end, while other processes wait for their turn."""
    with turn(file.parent):
        state = read(file)
        before = json.dumps(state)
        yield state
        if json.dumps(state) != before:
            with replacing(file) as partial:
                partial.write_text(json.dumps(state))
