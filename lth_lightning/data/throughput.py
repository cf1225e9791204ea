"""Whether the reading of images or the training on them takes the time."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]
BOTTLENECK = 0.2  # share of the time that could be saved


@dataclass
class Pace:
    """How long batches were waited for, and how long was worked between them, by the clock of the training's process.

    Nothing waits for a device: where one is behind, its process waits for it in the work, as its queue is full.

    Args:
        images: In the batches.
        waiting: Seconds until the batches were there.
        working: Seconds from there until the next ones were asked for.
    """

    images: int = 0
    waiting: float = 0.0
    working: float = 0.0

    def clocked(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches; each counts when the next one is asked for, so the last one of an epoch does not."""
        asked = time.perf_counter()
        for images, labels in batches:
            there = time.perf_counter()
            yield images, labels
            done = time.perf_counter()
            self.images += len(labels)
            self.waiting += there - asked
            self.working += done - there
            asked = done

    def told(self, workers: int, processors: int, before: Mapping[str, Any]) -> dict[str, Any]:
        """Plain values, added to those of an interrupted training.

        Args:
            workers: Number of processes that read.
            processors: How many could run at once.
            before: What was told before the interruption.

        Returns:
            `images`, `waiting` and `working`, and `advice`: a sentence if reading is the bottleneck, or else ''.
        """
        images = self.images + int(before.get("images", 0))
        waiting, working = (getattr(self, name) + before.get(name, 0.0) for name in ("waiting", "working"))
        told = {"images": images, "waiting": round(waiting, 3), "working": round(working, 3), "advice": ""}
        if waiting > max(1.0, BOTTLENECK * (waiting + working)):
            share, speed = waiting / (waiting + working), images / (waiting + working)
            more = f"--data.workers {processors} (now {workers})" if workers < processors else "more processors"
            told["advice"] = (
                f"training waits for images {share:.0%} of its time ({speed:.0f} images a second), so reading is the "
                f"bottleneck: {more}, files with no more pixels than needed, or a smaller --data.size help"
            )
        return told


def images_per_second(loader: Iterable[Batch], batches: int) -> float:
    """How fast a loader is while nothing else is done.

    Args:
        loader: Yields (images, labels).
        batches: How many to take after the first, with which its processes begin; take many more than these read ahead,
            two each. Fewer if the loader ends.

    Raises:
        ValueError: The loader has one batch at most.
    """
    there = iter(loader)
    if next(there, None) is None:
        raise ValueError("the loader has no batch, so it has no speed: take a loader with two batches or more")
    begun = time.perf_counter()
    taken = list(islice((labels for _, labels in there), batches))
    if not taken:
        raise ValueError("the loader has one batch only, so its speed cannot be told: take a smaller batch_size")
    if taken[-1].is_cuda:
        torch.cuda.synchronize(taken[-1].device)
    return sum(map(len, taken)) / (time.perf_counter() - begun)
