"""What probes wrote while networks trained."""

import json
from collections.abc import Iterator, Sequence

from .base import Lineage, Row

TOLD = {"dense": "dense networks", "ticket": "tickets", "sparse": "sparse networks"}


def looks(lineage: Lineage, name: str) -> Iterator[Row]:
    """The rows of a probe, of all trainings of a lineage, with what tells the trainings apart.

    Args:
        lineage: Its networks, and the controls beside them.
        name: Of the probe's file.
    """
    for network in (*lineage.networks, *lineage.controls):
        file = network.folder / f"{name}.jsonl"
        about = {key: network.row[key] for key in ("arm", "round", "density", "folder")}
        for line in file.read_text().splitlines() if file.is_file() else ():
            yield {**lineage.labels, **about, **json.loads(line)}


def kinds(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by what was trained, in words: dense networks, and every other arm where it keeps the fewest weights."""
    found: dict[str, list[Row]] = {}
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        last = [row for row in own if row["round"] == max(row["round"] for row in own)]
        told = TOLD.get(arm, f"'{arm}'")
        found[told if arm == "dense" else f"{told} with {100 * last[0]['density']:.3g} %"] = last
    return found
