"""Normalisation of 8-bit images, per channel or per image."""

import numpy as np
import torch
from torch import Tensor

from lth_lightning.data.arrays import Images

CHUNK = 1 << 22  # bytes counted at a time: bincount widens what it counts eightfold


def moments(images: Images) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over all pixels of all images, exactly, from their histogram.

    Args:
        images: (N, H, W, C) uint8.

    Returns:
        Mean and standard deviation, each (C,) float64, of pixel values scaled to 0..1. A channel that never changes
        gets standard deviation 1, so that it normalises to 0.
    """
    pixels = images.reshape(-1, images.shape[-1])
    step = max(1, CHUNK // pixels.shape[1])
    counts = np.zeros((pixels.shape[1], 256), dtype=np.int64)
    for start in range(0, len(pixels), step):
        for channel, values in enumerate(pixels[start : start + step].T):
            counts[channel] += np.bincount(values, minlength=256)
    weights = torch.from_numpy(counts).double() / len(pixels)
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = weights @ values
    std = (weights * (values - mean[:, None]) ** 2).sum(1).sqrt()
    return mean, torch.where(std > 0, std, 1.0)


def own_moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each image over all its pixels and channels.

    Args:
        images: (N, C, H, W) uint8.

    Returns:
        Mean and standard deviation, each (N, 1) float64 on the CPU, of pixel values scaled to 0..1. The deviation is no
        less than 1 / sqrt(C H W) of a pixel's step, so that an image of one colour becomes 0.
    """
    step = max(1, CHUNK // images[0].numel())
    found = [torch.std_mean(part.flatten(1).double(), 1, correction=0) for part in torch.split(images, step)]
    std, mean = (torch.cat(parts).cpu()[:, None] / 255 for parts in zip(*found, strict=True))
    return mean, std.clamp(min=images[0].numel() ** -0.5 / 255)


def scale_shift(mean: Tensor, std: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """The factor and summand of `normalise` that take pixel value p to (p / 255 - mean) / std.

    Args:
        mean: (C,) mean of pixel values scaled to 0..1; or (N, 1), of each image.
        std: (C,) or (N, 1), their standard deviation.
        device: Where the images are.

    Returns:
        Two (C, 1, 1) or (N, 1, 1, 1) float32 tensors on the device.
    """
    scale, shift = 1 / (255 * std), -mean / std
    return scale.float()[..., None, None].to(device), shift.float()[..., None, None].to(device)


def normalise(images: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Turn pixels into network inputs.

    Args:
        images: (B, C, H, W) uint8.
        scale: (C, 1, 1) or (B, 1, 1, 1) float32.
        shift: (C, 1, 1) or (B, 1, 1, 1) float32.

    Returns:
        (B, C, H, W) float32, contiguous: images * scale + shift.
    """
    # In two roundings, not one fused: so the CPU and the GPU agree bit for bit.
    return images.to(torch.float32, memory_format=torch.contiguous_format).mul_(scale).add_(shift)
