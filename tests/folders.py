"""Images in folders, such as a test needs."""

from pathlib import Path

import numpy as np
from PIL import Image


def two_classes(place: Path, train: int, val: int) -> Path:
    """Folders of so many images of each of two classes, of 9 by 9 random pixels; returns where."""
    draws = np.random.default_rng(0)
    for part, count in (("train", train), ("val", val)):
        for name in ("ant", "bee"):
            (place / part / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(draws.integers(0, 256, (9, 9, 3), np.uint8)).save(place / part / name / f"{number}.png")
    return place
