"""A note for the report of what does not apply, so that nothing is left out silently."""

import json
from collections.abc import Mapping
from pathlib import Path

from ..files import replacing, turn


def note_inapplicable(folder: Path, reasons: Mapping[str, str]) -> None:
    """Write `not_applicable.json`, or delete it if all that was asked for applies.

    Args:
        folder: Where the table of the trainings is.
        reasons: Arm -> why it is not trained.
    """
    path = folder / "not_applicable.json"
    with turn(folder):
        if reasons:
            with replacing(path) as partial:
                partial.write_text(json.dumps(reasons, indent=1) + "\n")
        else:
            path.unlink(missing_ok=True)
