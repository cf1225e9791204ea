"""The list of a folder's images, kept in a file, so that only the first start looks at each of them."""

import os
import time
import zipfile
from contextlib import ExitStack, suppress
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from lth_lightning.data.listing import Listing, listed
from lth_lightning.files import held, replacing

VERSION = 1
SETTLED = 2.0  # seconds: the coarsest clock of a file system, within which a change leaves no trace


@lru_cache(maxsize=4)
def listing(folder: Path) -> Listing:
    """The images of a folder: `listed` once, then read from `.lth_lightning` beside it, or else from the user's cache.

    It is listed anew if a file came, went or was renamed, which the times of the folders tell; of those that start at
    once, one lists and the others wait. Where nothing can be written, every start lists.

    Args:
        folder: Has a folder of images for each class.

    Raises:
        FileNotFoundError: There are no classes, or one without images.
        DamagedFileError: A file is named like an image and is none.
    """
    if not folder.is_dir():
        return listed(folder)  # which says so
    for place in (folder.parent / ".lth_lightning", _own(folder)):
        file = place / f"{folder.name}.npz"
        if (there := _read(file, folder)) is not None:
            return there
        with ExitStack() as stack:
            try:
                stack.enter_context(held(place, partial(time.sleep, 0.2)))
            except OSError:  # not ours to write to
                continue
            return _read(file, folder) or _made(file, folder)
    return listed(folder)


def _own(folder: Path) -> Path:
    """The user's cache of a folder that others own."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "lth_lightning" / blake2b(os.fsencode(folder.parent.resolve()), digest_size=8).hexdigest()


def _read(file: Path, folder: Path) -> Listing | None:
    """The list in a file, if there is one and the folder is still as it was."""
    try:
        with file.open("rb") as stream, np.load(stream) as there:  # numpy leaves open what it cannot read
            inside = [folder / os.fsdecode(name) for name in there["folders"]]
            if there["version"] != VERSION or [place.stat().st_mtime_ns for place in inside] != there["times"].tolist():
                return None
            classes = [os.fsdecode(name) for name in there["classes"]]
            return Listing(str(folder), classes, there["names"], there["labels"], there["sizes"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # none, or in pieces
        return None


def _made(file: Path, folder: Path) -> Listing:
    """List a folder, and keep the list unless the folder has only just changed."""
    inside = [Path(place) for place, _, _ in os.walk(folder, followlinks=True)]
    times, begun = [place.stat().st_mtime_ns for place in inside], time.time()  # before: what comes later is a change
    found = listed(folder)
    if max(times) < (begun - SETTLED) * 1e9:
        named = {"folders": [str(place.relative_to(folder)) for place in inside], "classes": found.classes}
        parts = {name: np.array([os.fsencode(each) for each in texts]) for name, texts in named.items()}
        with suppress(OSError), replacing(file) as partly, partly.open("wb") as stream:
            arrays: dict[str, Any] = {"names": found.names, "labels": found.labels, "sizes": found.sizes, **parts}
            np.savez(stream, version=VERSION, times=times, **arrays)
    return found
