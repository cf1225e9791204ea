"""Files that are either the old ones or the new ones, never half of each."""

import fcntl
import io
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


class DamagedFileError(ValueError):
    """A file of an experiment is truncated, or is something else; the text names it and says what to do."""


def again(path: Path) -> str:
    """What to do about a damaged file of a training."""
    return f"delete {path.parent}, and the command that began that training does it again"


class InUseError(OSError):
    """Another process works in a folder."""


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


def rewrite(path: Path, text: str) -> None:
    """Write a file that grows with a training anew; not flushed to disk, as checkpoints hold what it says too.

    Args:
        path: The file to write; parent folders are made.
        text: All of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


@contextmanager
def held(folder: Path, wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold a folder against other processes, whose files would get mixed with ours; however a process ends, it lets go.

    Args:
        folder: The folder; made if need be.
        wait: Called again and again while another process holds it, to pass some time; None not to wait.

    Raises:
        InUseError: If another process holds it, and there is no waiting.
        OSError: If the file system has no locks, and SLURM runs several of us, which would not see each other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as lock:
        while not _locked(lock, folder):
            if wait is None:
                lock.seek(0)
                raise InUseError(f"{folder} is in use by process {lock.read()}: wait for its end, or stop it")
            wait()
        lock.truncate(0)
        lock.write(f"{os.getpid()} on {socket.gethostname()}")
        lock.flush()
        yield


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Read and write what several processes keep in a folder, such as its table, while the others wait.

    For moments only, and never one within another: it waits without end, and does not listen to signals.

    Args:
        folder: The folder; made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".turn").open("a") as lock:
        while not _locked(lock, folder):
            time.sleep(0.01)
        yield


def _locked(lock: TextIO, folder: Path) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # a file system without locks
        if any(int(os.environ.get(name) or 1) > 1 for name in ("SLURM_ARRAY_TASK_COUNT", "SLURM_NTASKS")):
            raise OSError(
                f"the file system of {folder} has no locks ({error.strerror}), by which several processes share the "
                "work: choose a --folder on another one, or run one process"
            ) from error
    return True


def in_use(folder: Path) -> bool:
    """Whether another process holds a folder; nothing is written."""
    try:
        with (folder / ".lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is none, or the file system has no locks
        pass
    return False


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
