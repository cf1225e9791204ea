"""From files to rows: what trainings left in an experiment's folder, and what stopped others."""

import json
import math
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeGuard

Row = dict[str, Any]


def tables(folder: Path) -> list[Path]:
    """The tables of an experiment: its own, and those of the units of a study, which several processes work on."""
    own = [folder / "results.jsonl"] if (folder / "results.jsonl").is_file() else []
    return own + sorted(folder.glob("seed-*/**/results.jsonl"))


def finished(folder: Path) -> tuple[list[Row], list[int | str]]:
    """The rows of all tables, the later of two rows of a training.

    Trainings that only prepare others (arm 'pretraining': a search for tickets on corrupted data) are left out.

    Args:
        folder: The folder of an experiment.

    Returns:
        Rows, and the lines that are no complete row, which are warned about: the number of a line of the experiment's
        own table; of others with the file before it.
    """
    rows: dict[str, Row] = {}
    unreadable: list[int | str] = []
    for file in tables(folder):
        there = dict(objects(file))
        bad = [number for number, row in there.items() if row is None or not _is_training(row)]
        if bad:
            text = f"left out what is not a complete row in '{file}': line {', '.join(map(str, bad))}"
            warnings.warn(text, stacklevel=3)
        own = file.parent == folder
        unreadable += bad if own else [f"{file.relative_to(folder)} line {number}" for number in bad]
        for number, row in there.items():
            if is_finished(row):
                named = isinstance(row.get("folder"), str)
                rows[row["folder"] if named else f"{file} {number}"] = row
    return list(rows.values()), unreadable


def is_finished(row: Row | None) -> TypeGuard[Row]:
    """Whether a line is the row of a training that counts."""
    return row is not None and _is_training(row) and row["arm"] != "pretraining"


def failed(folder: Path) -> dict[str, str]:
    """Why trainings failed, by their folders, as far as they were not tried again with success."""
    notes = sorted(folder.glob("seed-*/**/failed.json"))
    there = {note.parent: note for note in notes if not (note.parent / "result.pt").exists()}
    return {
        place.relative_to(folder).as_posix(): _sentence(content(note).get("reason")) for place, note in there.items()
    }


def not_applicable(folder: Path) -> dict[str, str]:
    """Why sanity checks do not apply, by arm; in a study with the method before it."""
    told: dict[str, str] = {}
    for file in [folder / "not_applicable.json", *sorted(folder.glob("seed-*/**/not_applicable.json"))]:
        if file.is_file():
            method = "" if file.parent == folder or file.parent.name.startswith("seed-") else f"{file.parent.name}/"
            reasons = {arm: reason for arm, reason in content(file).items() if isinstance(reason, str)}
            told |= {f"{'' if '/' in arm else method}{arm}": reason.rstrip(". ") for arm, reason in reasons.items()}
    return told


def times(folder: Path, row: Row) -> dict[str, float]:
    """What a training's `timing.json` notes: the `seconds` of all of it (NaN if unknown), and those of probes."""
    file = folder / row["folder"] / "timing.json" if isinstance(row.get("folder"), str) else None
    noted = content(file) if file is not None and file.is_file() else {}
    return {
        "seconds": math.nan,
        **{name: float(value) for name, value in noted.items() if isinstance(value, int | float)},
    }


def loading(folder: Path, row: Row) -> Row:
    """How the loader of a training kept up, by its `timing.json`; nothing where images are in memory.

    Returns:
        `loader_wait`, the share of its time that training waited for images, `images_per_second`, and `loader_advice`,
        a sentence if that is a bottleneck.
    """
    file = folder / row["folder"] / "timing.json" if isinstance(row.get("folder"), str) else None
    told = content(file).get("loader") if file is not None and file.is_file() else None
    if not isinstance(told, dict) or not (seconds := told["waiting"] + told["working"]):
        return {}
    speed = told["images"] / seconds
    return {
        "loader_wait": told["waiting"] / seconds,
        "images_per_second": speed,
        "loader_advice": told["advice"] or None,
    }


def objects(file: Path) -> Iterator[tuple[int, Row | None]]:
    """Numbered lines of a JSON-lines file; None where a line is no JSON object."""
    for number, line in enumerate(_lines(file), start=1):
        if line.strip():
            yield number, _object(line)


def content(file: Path) -> Row:
    """The object in a JSON file; an empty one where there is none."""
    return _object(file.read_text(encoding="utf-8", errors="replace")) or {}


def _lines(file: Path) -> Iterable[str]:
    return file.read_text(encoding="utf-8", errors="replace").splitlines()


def _object(text: str) -> Row | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _is_training(row: Row) -> bool:
    return isinstance(row.get("arm"), str) and all(isinstance(row.get(key), int) for key in ("seed", "round"))


def _sentence(reason: Any) -> str:
    return str(reason).rstrip(". ") if reason else "for a reason that its note does not tell"
