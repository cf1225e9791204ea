"""A loader that reads images from files, whose batches are functions of (seed, epoch, position)."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lth_lightning.data.draws import generator
from lth_lightning.data.place import Loader

Batch = tuple[Tensor, Tensor]
Sample = tuple[str, int]


class FileLoader(Loader):
    """Batches of images that are read, cropped and normalised when they are asked for, by several processes.

    What a batch is depends on the seeds, the epoch and its number in the epoch, as of an `InMemoryLoader`.

    Args:
        files: Path and class of each image.
        batch_size: Images per batch.
        size: Height and width to crop to.
        moments: Means and standard deviations of the channels, of pixel values scaled to 0..1.
        workers: Number of processes that read; 0 for this one.
        drop_last: Leave out a last batch that is not full.
        order_seed: Seed of the order; None keeps the images in the order given.
        augment_seed: Seed of random crops and flips; None resizes and crops in the middle.
    """

    def __init__(
        self,
        files: Sequence[Sample],
        batch_size: int,
        size: int,
        moments: tuple[Sequence[float], Sequence[float]],
        workers: int = 0,
        drop_last: bool = False,
        order_seed: int | None = None,
        augment_seed: int | None = None,
    ) -> None:
        super().__init__(len(files), batch_size, drop_last)
        self.workers, self.order_seed = workers, order_seed
        self.pictures = Pictures(files, size, moments, augment_seed)

    def __iter__(self) -> Iterator[Batch]:
        start, count = self.begin(), len(self.pictures.files)
        order = torch.arange(count)
        if self.order_seed is not None:
            order = torch.randperm(count, generator=generator("order", self.order_seed, self._epoch))
        numbers = [(self._epoch, number) for number in order[start * self.batch_size : self.samples].tolist()]
        reader = DataLoader(
            self.pictures, self.batch_size, sampler=numbers, num_workers=self.workers, generator=torch.Generator()
        )
        for images, labels in reader:
            self._yielded += 1
            yield images, labels


class Pictures(Dataset[tuple[Tensor, int]]):
    """(epoch, number) -> image and label, the same in every process.

    Args:
        files: Path and class of each image.
        size: Height and width to crop to.
        moments: Means and standard deviations of the channels.
        seed: Seed of random crops and flips; None for none.
    """

    def __init__(
        self,
        files: Sequence[Sample],
        size: int,
        moments: tuple[Sequence[float], Sequence[float]],
        seed: int | None,
    ) -> None:
        from torchvision.transforms import v2

        crop = [v2.Resize(round(size * 8 / 7)), v2.CenterCrop(size)]
        cut = crop if seed is None else [v2.RandomResizedCrop(size), v2.RandomHorizontalFlip()]
        self.files, self.seed = files, seed
        self.change = v2.Compose([*cut, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(*moments)])

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, int]:
        """Read and change an image."""
        from torchvision.datasets.folder import default_loader

        epoch, number = place
        path, label = self.files[number]
        with torch.random.fork_rng(devices=[]):
            if self.seed is not None:
                torch.default_generator.manual_seed(generator(f"picture {number}", self.seed, epoch).initial_seed())
            image: Tensor = self.change(default_loader(path))
        return image, label
