"""Pad-crop and horizontal flip of a batch of images, and the draws that they take."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lth_lightning.data.draws import generator

Border = Literal["black", "reflect"]


@dataclass(frozen=True)
class CropFlip:
    """Shift images by a random crop of their padded selves, and mirror half of them.

    The usual augmentation of CIFAR (He et al., 2016, arXiv:1512.03385, section 4.2). The border is black, as raw
    pixel value 0, before normalisation, or mirrors the image, as for wide ResNets (Zagoruyko & Komodakis, 2016,
    arXiv:1605.07146).

    Args:
        pad: Width of the border on each side, in pixels; a crop of the original size starts anywhere in 0..2 pad.
        flip: Mirror an image left to right with probability 1/2.
        seed: Seed of the draws.
        border: What is in it: black, or the reflection of the image about its outermost pixels.
    """

    pad: int = 4
    flip: bool = True
    seed: int = 0
    border: Border = "black"

    def draw(self, count: int, epoch: int) -> Tensor:
        """Draw where to crop and whether to mirror each sample of an epoch.

        Args:
            count: Number of samples.
            epoch: The epoch: the draws are a function of (seed, epoch, sample) only.

        Returns:
            (3, count) int64 on the CPU: first row kept, first column kept (both 0..2 pad), mirrored (0 or 1).
        """
        corners = torch.randint(0, 2 * self.pad + 1, (2, count), generator=generator("crop", self.seed, epoch))
        mirrored = torch.randint(0, 2, (1, count), generator=generator("flip", self.seed, epoch))
        return torch.cat([corners, mirrored if self.flip else torch.zeros_like(mirrored)])

    def apply(self, images: Tensor, draws: Tensor) -> Tensor:
        """Crop and mirror a batch.

        Args:
            images: (B, C, H, W), any type.
            draws: (3, B) columns of `draw`, on the images' device.

        Returns:
            (B, C, H, W) of the same type.
        """
        batch, channels, height, width = images.shape
        top, left, mirrored = draws[:, :, None]
        rows = top + torch.arange(height, device=images.device)
        across = torch.arange(width, device=images.device)
        columns = left + torch.where(mirrored == 1, width - 1 - across, across)
        if self.border == "reflect":
            padded, rows, columns = images, _mirrored(rows - self.pad, height), _mirrored(columns - self.pad, width)
        else:
            padded = F.pad(images, (self.pad,) * 4)
        # One gather with flat indices does both: it costs less than a gather of windows and a separate flip.
        flat = rows[:, :, None] * padded.shape[3] + columns[:, None, :]
        index = flat.view(batch, 1, -1).expand(-1, channels, -1)
        return padded.flatten(2).gather(2, index).view(images.shape)


def _mirrored(places: Tensor, size: int) -> Tensor:
    """Places within a row of pixels, those beyond an end reflected at the outermost pixel."""
    return (size - 1) - ((size - 1) - places.abs()).abs()
