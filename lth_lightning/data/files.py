"""A loader that reads images from files, whose batches are functions of (seed, epoch, position)."""

import os
import signal
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lth_lightning.data.crops import crops
from lth_lightning.data.listing import Listing
from lth_lightning.data.normalise import normalise, scale_shift
from lth_lightning.data.pictures import Asked, Pictures
from lth_lightning.data.place import Loader
from lth_lightning.data.throughput import Batch, Pace
from lth_lightning.files import DamagedFileError


class FileLoader(Loader):
    """Batches of images that are read, cropped and resized when they are asked for, by several processes.

    What a batch is depends on the seeds, the epoch and its number in the epoch, as of an `InMemoryLoader`. Processes
    stay from one epoch to the next, read two batches ahead each, and hand over 8-bit pixels, which are normalised on
    the device that trains; a GPU copies them while it computes.

    Args:
        files: The images.
        batch_size: Images per batch.
        size: Height and width of what is yielded.
        mean: (3,) means of the channels, of pixel values scaled to 0..1.
        std: (3,) their standard deviations.
        workers: Number of processes that read; 0 for this one.
        device: Where the batches are to be; None for the CPU.
        drop_last: Leave out a last batch that is not full.
        order_seed: Seed of the order; None keeps the images in the order given.
        augment_seed: Seed of random crops and flips; None resizes and crops in the middle.

    Attributes:
        pace: How long its batches were waited for.
    """

    def __init__(
        self,
        files: Listing,
        batch_size: int,
        size: int,
        mean: Tensor,
        std: Tensor,
        workers: int = 0,
        device: torch.device | None = None,
        drop_last: bool = False,
        order_seed: int | None = None,
        augment_seed: int | None = None,
    ) -> None:
        super().__init__(len(files), batch_size, drop_last, order_seed)
        self.files, self.workers, self.augment_seed = files, workers, augment_seed
        self.device = device or torch.device("cpu")
        self.pace = Pace()
        self._scale, self._shift = scale_shift(mean, std, self.device)
        self._asked: list[Asked] = []  # of this epoch; apart from the loader, which would else never be let go of
        self._reader = DataLoader(
            Pictures(files, size),
            batch_size=None,
            sampler=self._asked,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=_outlive_sigterm,
            generator=torch.Generator(),
        )
        weakref.finalize(self, _end, self._reader, os.getpid())

    @property
    def pixels(self) -> dict[str, list[float]]:
        """What a channel's pixels, 0..255, are times (`scale`) and plus (`shift`)."""
        return {"scale": self._scale.flatten().tolist(), "shift": self._shift.flatten().tolist()}

    def paced(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """What its `pace` is, in plain values, added to those `before` an interruption."""
        return self.pace.told(self.workers, processors(), before)

    def __iter__(self) -> Iterator[Batch]:
        start, order = self.begin(), self.order()
        order = torch.arange(self.count) if order is None else order
        numbers = order[start * self.batch_size + self.rank : self.samples : self.ranks]
        parts, share = self._parts(), self.batch_size // self.ranks
        self._asked[:] = [Asked(own, None if parts is None else parts[own]) for own in torch.split(numbers, share)]
        for batch in self.pace.clocked(self._read()):
            self._yielded += 1
            yield batch
        if self._yielded < len(self):  # the last few images to evaluate are other processes'
            self._yielded += 1
            images, labels = batch
            yield images[:0], labels[:0]

    def _parts(self) -> Tensor | None:
        """What to take of each image in this epoch, (N, 5)."""
        if self.augment_seed is None:
            return None
        return crops(torch.from_numpy(self.files.sizes), self.augment_seed, self._epoch)

    def close(self) -> None:
        """End the processes that read; another iteration begins new ones."""
        _end(self._reader, os.getpid())

    def _read(self) -> Iterator[Batch]:
        for batch in self._reader:
            if isinstance(batch, DamagedFileError):
                raise batch
            images, labels = (part.to(self.device, non_blocking=True) for part in batch)
            yield normalise(images, self._scale, self._shift), labels


def _end(reader: DataLoader[Any], process: int) -> None:
    """End what `reader` began in `process`, also when its loader is garbage: in a cycle their queues would go first.

    torch waits for ten seconds then, for each that reads, and leaves it running.
    """
    if (readers := reader._iterator) is not None and os.getpid() == process:  # a copy in a fork has none to end
        readers._shutdown_workers()  # type: ignore[attr-defined]
        reader._iterator = None


def _outlive_sigterm(worker: int) -> None:
    """Read on, so that the training, which gets the signal too, saves and ends; torch sends a second to the stuck."""
    signal.signal(signal.SIGTERM, lambda number, frame: signal.signal(number, signal.SIG_DFL))


def processors() -> int:
    """How many processes can run at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
