"""What several processes share, a unit each at a time; and what one process does of it, in turn or at once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ..files import InUseError, held
from ..training.together import Fleet
from .results import Ledger

T = TypeVar("T")


def unless_held(folder: Path, do: Callable[[], T], shares: bool) -> T | None:
    """Do a unit in its folder; None if another process does.

    Raises:
        InUseError: If another process does, and it is not to be shared.
    """
    try:
        with held(folder):
            return do()
    except InUseError:
        if not shares:
            raise
        return None


def again_and_again(units: Sequence[Callable[[], T | None]], at_once: int) -> list[T]:
    """Do units, and look again at those that others do as long as that gave something to do.

    Args:
        units: Each gives what came of it, or None if another process does it.
        at_once: How many trainings step together; with 1, units are done in turn.
    """
    found: list[T] = []
    left, before = [*units], 0
    while len(left) != before:
        before = len(left)
        done = Fleet(at_once).run(left) if at_once > 1 else [unit() for unit in left]
        found += [each for each in done if each is not None]
        left = [unit for unit, each in zip(left, done, strict=True) if each is None]
    return found


def recorded(results: Sequence[Path], home: Path, root: Path) -> bool:
    """Whether trainings have their `result.pt`, and rows in the table of a folder.

    Args:
        results: These files.
        home: The folder of the table.
        root: The experiment's folder, which names are relative to.
    """
    rows = Ledger(home / "results.jsonl").rows
    return all(each.exists() and name_of(root, each) in rows for each in results)


def name_of(root: Path, result: Path) -> str:
    """The name in tables of the training that a `result.pt` is of."""
    return result.parent.relative_to(root).as_posix()
