"""Data sets held in memory, and the loader that makes a training's batches a function of its seeds."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lth_lightning.data.arrays import Arrays as Arrays
from lth_lightning.data.loader import InMemoryLoader as InMemoryLoader

if TYPE_CHECKING:
    from lth_lightning.data.datasets import *  # noqa: F403


def __getattr__(name: str) -> Any:
    # Data modules need Lightning, which takes seconds to import and which the loader does without.
    if not name.startswith("_") and name in (datasets := import_module("lth_lightning.data.datasets")).__all__:
        return getattr(datasets, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
