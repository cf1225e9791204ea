"""A command that ended is known again by its words, the files that they name, and what it left."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lth_lightning.ended import LARGE, recalled, remember

SAID = "nothing was left to do"


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Of a command that has just ended; one of them is longer than the name of a file may be."""
    for name, size in (("small.yaml", 10), ("large.npz", LARGE + 1)):
        (tmp_path / name).write_bytes(bytes(size))
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "results.jsonl").touch()
    files = ["--config", str(tmp_path / "small.yaml"), f"--data.path={tmp_path / 'large.npz'}"]
    given = [*files, "--experiment.controls", f"[{', '.join(['Reinitialised'] * 40)}]", "--folder", str(folder)]
    remember(given, folder, SAID)
    return given


def test_it_is_known_by_the_same_words(words: list[str], tmp_path: Path) -> None:
    assert recalled(words) == SAID
    assert recalled([*words, "--seeds", "[0,1]"]) is None
    assert recalled([*words, "--folder", str(tmp_path)]) is None
    assert recalled(words[:-2]) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "small.yaml").write_bytes(b"other text"),
        lambda folder: os.utime(folder / "large.npz", ns=(0, 0)),
        lambda folder: (folder / "large.npz").unlink(),
        lambda folder: (folder / "run" / "results.jsonl").unlink(),
        lambda folder: (folder / "run" / "more").touch(),
        lambda folder: (folder / "run" / ".ended.json").write_text("{"),
    ],
)
def test_it_is_another_once_a_file_is(words: list[str], change: Callable[[Path], object], tmp_path: Path) -> None:
    change(tmp_path)
    assert recalled(words) is None


def test_a_small_file_written_again_is_the_same(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_bytes(bytes(10))
    assert recalled(words) == SAID
