"""A loader that keeps all images on the device and whose batches are functions of (seed, epoch, position)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from lth_lightning.data.augment import CropFlip
from lth_lightning.data.normalise import normalise, scale_shift
from lth_lightning.data.place import Loader

Batch = tuple[Tensor, Tensor]


class InMemoryLoader(Loader):
    """Batches of images, shuffled and augmented on the device that holds them.

    What a batch is depends on the seeds, the epoch and its number in the epoch, and on nothing else: not on earlier
    iterations, the device, or the global random state (which stays as it is). The order and the augmentation of a
    sample do not depend on the batch size either. So a training that resumes at (epoch, batch) continues bit for bit.

    Lightning drives it by `sampler.set_epoch` before each epoch and by `state_dict`/`load_state_dict` in checkpoints;
    it needs no Lightning itself.

    Args:
        images: (N, C, H, W) uint8, on the device to train on.
        labels: (N,) int64, on the same device.
        mean: (C,) mean of pixel values scaled to 0..1, subtracted; or (N, 1), of each image.
        std: (C,) or (N, 1), standard deviation, divided by.
        batch_size: Images per batch.
        order_seed: Seed of the order; None keeps the images in the order given.
        augment: Random crops and flips, or None.
        drop_last: Leave out a last batch that is not full.

    Raises:
        ValueError: The batch size leaves no batch.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        mean: Tensor,
        std: Tensor,
        batch_size: int,
        order_seed: int | None = None,
        augment: CropFlip | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(len(images), batch_size, drop_last, order_seed)
        self.images, self.labels, self.augment = images, labels, augment
        self._scale, self._shift = scale_shift(mean, std, images.device)

    @property
    def pixels(self) -> dict[str, list[float]]:
        """What a channel's pixels, 0..255, are times (`scale`) and plus (`shift`); empty if each image has its own."""
        if self._scale.dim() > 3:
            return {}
        return {"scale": self._scale.flatten().tolist(), "shift": self._shift.flatten().tolist()}

    def __iter__(self) -> Iterator[Batch]:
        # A generator's body starts with the first batch asked for: Lightning sets the epoch after calling iter().
        start = self.begin()
        order, draws = self.order(), self._draws()
        order = None if order is None else order.to(self.images.device)
        step = self._batches_at_once()
        for first in range(start, len(self), step):
            end = min(first + step, len(self))
            chosen = slice(first * self.batch_size + self.rank, min(end * self.batch_size, self.samples), self.ranks)
            for batch in self._assembled(chosen, end - first, order, draws):
                self._yielded += 1
                yield batch

    def _draws(self) -> Tensor | None:
        """The augmentation of every sample in this epoch, (3, N) int64 on the device."""
        if self.augment is None:
            return None
        return self.augment.draw(len(self.images), self._epoch).to(self.images.device)

    def _batches_at_once(self) -> int:
        """How many batches to assemble by one pass: many small ones together, as each operation has a fixed cost."""
        values = 1 << 20 if self.images.device.type == "cpu" else 1 << 24  # 4 MB stay in the CPU's cache
        return max(1, values // (self.batch_size * self.images[0].numel()))

    def _assembled(self, chosen: slice, count: int, order: Tensor | None, draws: Tensor | None) -> Iterator[Batch]:
        """The batches, so many, of the positions chosen, as views of one block."""
        if order is None:
            images, labels = self.images[chosen], self.labels[chosen]
            draws = None if draws is None else draws[:, chosen]
        else:
            samples = order[chosen]
            images, labels = self.images.index_select(0, samples), self.labels.index_select(0, samples)
            draws = None if draws is None else draws.index_select(1, samples)
        if self.augment is not None and draws is not None:
            images = self.augment.apply(images, draws)
        which = chosen if order is None else order[chosen]
        scale, shift = (each if each.dim() == 3 else each[which] for each in (self._scale, self._shift))
        images = normalise(images, scale, shift)
        ends = [number * self.batch_size // self.ranks for number in range(1, count)]
        return zip(torch.tensor_split(images, ends), torch.tensor_split(labels, ends), strict=True)
