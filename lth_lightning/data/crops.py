"""Random crops of images of any sizes, all of an epoch at once."""

import math

import torch
from torch import Tensor

from lth_lightning.data.draws import generator

AREA = 0.08, 1.0  # least and largest share of an image
RATIO = 3 / 4, 4 / 3  # least and largest width by height
TRIES = 10


def crops(sizes: Tensor, seed: int, epoch: int) -> Tensor:
    """Draw which part of each image is taken, and whether it is mirrored, as `RandomResizedCrop` of torchvision does.

    A part has 8 to 100 % of the area, evenly, and is 3/4 to 4/3 as wide as high, evenly in the logarithm (Szegedy et
    al., 2015, arXiv:1409.4842); it is the first of ten draws that fits into the image, or else the largest in its
    middle. Half of the images are mirrored.

    Args:
        sizes: (N, 2) int64, height and width of each image.
        seed: Seed of the draws.
        epoch: The epoch: the draws are a function of (seed, epoch, number of the image) only.

    Returns:
        (N, 5) int64: first row and first column, height and width, mirrored (0 or 1).
    """
    height, width = sizes.double().T
    rows, columns = torch.minimum(height, (width / RATIO[0]).round()), torch.minimum(width, (height * RATIO[1]).round())
    found = torch.stack([((height - rows) / 2).floor(), ((width - columns) / 2).floor(), rows, columns])
    waiting, draw = torch.arange(len(sizes)), generator("crop", seed, epoch)
    for _ in range(TRIES):
        share, shape, down, across = torch.rand(4, len(waiting), generator=draw, dtype=torch.float64)
        high, wide = height[waiting], width[waiting]
        area = high * wide * (AREA[0] + (AREA[1] - AREA[0]) * share)
        ratio = torch.exp(math.log(RATIO[0]) + (math.log(RATIO[1]) - math.log(RATIO[0])) * shape)
        rows, columns = (area / ratio).sqrt().round(), (area * ratio).sqrt().round()
        fits = (rows > 0) & (rows <= high) & (columns > 0) & (columns <= wide)
        corner = (down * (high - rows + 1)).floor(), (across * (wide - columns + 1)).floor()
        found[:, waiting[fits]] = torch.stack([*corner, rows, columns])[:, fits]
        waiting = waiting[~fits]
    mirrored = torch.randint(0, 2, (1, len(sizes)), generator=generator("flip", seed, epoch))
    return torch.cat([found.long(), mirrored]).T.contiguous()
