"""Commands typed in this process, and what they say."""

import json
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from lth_lightning.cli import main

# a dense network, a ticket and its control, in half a second
SMALL = (
    "run --config digits --config imp --folder run --data.subset 140 --trainer.max_epochs 2 "
    "--experiment.controls [RearrangedMask]"
)


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def lth(line: str, capsys: pytest.CaptureFixture[str]) -> Said:
    """Type `lth LINE`."""
    capsys.readouterr()
    code = main(shlex.split(line))
    return Said(code, *capsys.readouterr())


def rows(folder: Path) -> list[dict[str, Any]]:
    """The finished trainings of an experiment; every line must be whole."""
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def left(folder: Path) -> dict[str, Any]:
    """All that an experiment's trainings left, but for the time it took: equal if they are equal bit for bit."""
    found: dict[str, Any] = {"rows": rows(folder)}
    for path in sorted(folder.glob("seed-*/**/*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".jsonl":
            found[name] = path.read_text()
        elif path.suffix in (".ckpt", ".pt"):
            saved = torch.load(path, weights_only=True)
            found[name] = {key: value.tolist() for key, value in saved.get("state_dict", saved.get("mask")).items()}
    return found
