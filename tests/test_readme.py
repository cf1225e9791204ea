"""What README.md shows works."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lth_lightning import configs
from lth_lightning.arguments import Arguments
from lth_lightning.commands import sharers
from lth_lightning.help import COMMANDS

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
SPANS = [line.split("  #")[0].strip() for language, block in BLOCKS if not language for line in block.splitlines()]
SPANS += [" ".join(span.split()) for span in re.findall(r"`(lth [^`]+)`", README)]
TYPED = sorted(
    {
        span
        for span in SPANS
        if span.startswith("lth ") and "|" not in span and "..." not in span and len(span.split()) > 2
    }
)


@pytest.mark.parametrize("line", TYPED)
def test_its_commands_are_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["lth"])  # Lightning warns if there are arguments there too
    _, command, *args = shlex.split(line)
    assert command in COMMANDS
    if command == "run":
        _, args = sharers("--slurm", sharers("--jobs", args)[1])
        assert Arguments(command, configs.resolve(args)).experiment(None).trainings >= 1
    elif command == "fit":
        _, args = sharers("--slurm", args)
        assert Arguments(command, configs.resolve(args)).config.folder
    elif command == "bench":
        assert Arguments(command, configs.resolve(args)).config.turns


def test_there_are_commands_to_understand() -> None:
    assert len(TYPED) >= 4


PYTHON = [block for language, block in BLOCKS if language == "python"]


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Runs Python in an empty folder, which it leaves empty, and returns what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(code: str) -> str:
        torch.manual_seed(0)
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
        assert list(tmp_path.iterdir()) == []
        return capsys.readouterr().out

    return run


def test_its_python_trains_a_pruned_network(said: Callable[[str], str]) -> None:
    printed = said(PYTHON[0])
    assert "density 0.1000" in printed
    assert float(re.findall(r"tensor\(([0-9.]+)\)", printed)[-1]) > 0.5


def test_its_python_takes_channels_out(said: Callable[[str], str]) -> None:
    kept = re.findall(r"^\S+ (\d+) of (\d+) discrepancy", said(PYTHON[1]), re.MULTILINE)
    assert len(kept) == 8, "of every layer but the last"
    assert all(1 <= int(few) <= int(all_of_them) // 2 for few, all_of_them in kept)


def test_every_file_and_folder_of_its_map_exists() -> None:
    names = re.findall(r"^\| `([\w/]+)` \|", README, re.MULTILINE)
    assert len(names) >= 8
    assert [name for name in names if not (Path(__file__).parent.parent / name).exists()] == []


def test_it_says_that_a_mask_brings_no_speed() -> None:
    assert "A mask saves no time and no memory by itself" in " ".join(README.split())
