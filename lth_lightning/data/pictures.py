"""Image files to batches of pixels; in the training's process or in one that only reads."""

from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from lth_lightning.data.listing import UNREADABLE, Listing
from lth_lightning.files import DamagedFileError


class Asked(NamedTuple):
    """A batch: (B,) int64, numbers of images; (B, 5) int64, what to take of each by `crops`, or None for the middle."""

    numbers: Tensor
    parts: Tensor | None


class Pictures(Dataset[Any]):
    """Asked -> (B, 3, size, size) uint8 and (B,) int64 labels, the same in every process: nothing is drawn here.

    Args:
        files: The images.
        size: Height and width to resize to; of the middle after the shorter side is resized to 8/7 of it.
    """

    def __init__(self, files: Listing, size: int) -> None:
        self.files, self.size = files, size

    def __getitem__(self, asked: Asked) -> tuple[Tensor, Tensor] | DamagedFileError:
        """Read a batch; an error is returned, as torch would raise it with the traceback of a process for a text."""
        numbers, labels = asked.numbers.tolist(), torch.from_numpy(self.files.labels[asked.numbers.numpy()])
        parts = [None] * len(numbers) if asked.parts is None else asked.parts.tolist()
        images = torch.empty(len(numbers), 3, self.size, self.size, dtype=torch.uint8)
        try:
            for place, (number, part) in enumerate(zip(numbers, parts, strict=True)):
                images[place] = self._middle(number) if part is None else self._part(number, *part)
        except DamagedFileError as error:
            return error
        return images, labels

    def _part(self, number: int, top: int, left: int, height: int, width: int, mirrored: int) -> Tensor:
        from torchvision.transforms.v2 import functional as F

        taken = self._read(number, (top, left, height, width), self.size)
        pixels: Tensor = F.resize(taken, [self.size] * 2, antialias=True)
        return pixels.flip(-1) if mirrored else pixels

    def _middle(self, number: int) -> Tensor:
        from torchvision.transforms.v2 import functional as F

        shorter, (height, width) = round(self.size * 8 / 7), self.files.sizes[number].tolist()
        pixels = F.resize(self._read(number, (0, 0, height, width), shorter), [shorter], antialias=True)
        middle: Tensor = F.center_crop(pixels, [self.size] * 2)
        return middle

    def _read(self, number: int, part: tuple[int, int, int, int], least: int) -> Tensor:
        """A part of an image, (3, H, W) uint8: as many of its pixels as there are, or fewer, but `least` each way."""
        path, (height, width) = self.files.path(number), self.files.sizes[number].tolist()
        # Where half, a quarter or an eighth of the pixels each way are enough, a JPEG need not be decoded any further.
        fewer = next((each for each in (8, 4, 2) if min(part[2:]) >= each * least), 1)
        try:
            with Image.open(path) as file:
                if file.size != (width, height):
                    raise ValueError(f"it had {width}x{height} pixels, and has {file.width}x{file.height} now")
                smaller = file.draft("RGB", (width // fewer, height // fewer))
                top, left, rows, columns = (each // (fewer if smaller else 1) for each in part)
                taken = np.array(file.convert("RGB").crop((left, top, left + columns, top + rows)))
        except UNREADABLE as error:
            raise DamagedFileError(
                f"{path} cannot be read as it was listed ({error}): get it again, or remove it; then touch "
                f"{self.files.folder}, so that it is listed again, and start the training anew"
            ) from error
        return torch.from_numpy(taken).permute(2, 0, 1)
