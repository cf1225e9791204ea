"""A command that ended with nothing left to do, typed again: it is known by its words, without what trains."""

import hashlib
import json
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from . import __version__
from .files import replacing

NOTE = ".ended.json"
LARGE = 1 << 20  # bytes of a file; larger ones are data, which is known by when it was written


def remember(words: Sequence[str], folder: Path, said: str) -> None:
    """Note that a command has done all there is to do.

    Args:
        words: The words after `lth run` or `lth fit`, with paths for the names of configs.
        folder: Its folder.
        said: What it says when nothing was left to do.
    """
    with replacing(folder / NOTE) as partial:
        partial.write_text(json.dumps({"key": _key(words), "files": _files(folder), "said": said}))


def recalled(words: Sequence[str]) -> str | None:
    """What a command has to say whose words ended in a folder that is as they left it; None for any other."""
    folder = _folder(words)
    try:
        note = json.loads((Path(folder) / NOTE).read_text()) if folder else {}
    except (OSError, ValueError):  # there is none
        return None
    if note.get("key") != _key(words) or note.get("files") != _files(Path(folder)):
        return None
    return str(note["said"])


def _folder(words: Sequence[str]) -> str:
    """The last --folder among words, which wins."""
    given = [word.partition("=")[2] or after for word, after in zip(words, [*words[1:], ""], strict=False)
             if word.partition("=")[0] == "--folder"]  # fmt: skip
    return given[-1] if given else ""


def _key(words: Sequence[str]) -> str:
    """The words, and what is in the files that they name."""
    read = hashlib.sha256(repr((__version__, list(words))).encode())
    for name in [each for word in words for each in (word, word.partition("=")[2]) if each]:
        with suppress(OSError):  # it is no file's; the name of one is not that long
            found = Path(name).stat()
            if stat.S_ISREG(found.st_mode):
                read.update(Path(name).read_bytes() if found.st_size <= LARGE else repr(found.st_mtime_ns).encode())
    return read.hexdigest()


def _files(folder: Path) -> dict[str, int]:
    """What files there are, and when they were written."""
    found = [path for path in sorted(folder.rglob("*")) if path.name[0] != "." and path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in found}
