"""Files that are either the old ones or the new ones, never half of each."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class DamagedFileError(ValueError):
    """A file of an experiment is truncated, or is something else; the text names it and says what to do."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name beside it; on success flush it to disk and rename it.

    A kill or a full disk leaves what was there before. Parent folders are made.

    Args:
        path: The file to write.

    Yields:
        The temporary path to write to.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a.txt"
        >>> with replacing(target) as partial:
        ...     _ = partial.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        error.filename = error.filename or str(path)  # a full disk does not say where
        raise
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def save(value: Any, path: Path) -> None:
    """`torch.save` by way of memory, whole or not at all: torch's own writer hides that a disk is full.

    Args:
        value: Tensors and plain values.
        path: The file to write.
    """
    import torch  # what else is here needs none

    buffer = io.BytesIO()
    torch.save(value, buffer)
    with replacing(path) as partial:
        partial.write_bytes(buffer.getbuffer())
