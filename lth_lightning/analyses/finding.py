"""From an experiment's folder to its lineages."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ..experiments import Built, Result
from ..report import read
from .base import Lineage

Build = Callable[[int, Mapping[str, Any]], Built]


def lineages(folder: Path, build: Build) -> list[Lineage]:
    """Every dense network with its tickets, by seed, and of a study by point and method too.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.
        build: A fresh set for a seed, at a point of a study's grid.

    Raises:
        FileNotFoundError: If there is no finished training.
    """
    table = read(folder)
    table["at"] = table["point"].map(str) if "point" in table else ""
    found = []
    for (seed, _), own in table.groupby(["seed", "at"], sort=False):
        dense = own[own["arm"] == "dense"].head(1)
        for method in own.loc[own["arm"] == "ticket", "method"].unique():
            same = own["method"].isna() if method is None else own["method"] == method
            tickets = own[(own["arm"] == "ticket") & same].sort_values("round")
            rows = pd.concat([dense, tickets]).to_dict("records")
            point = rows[0].get("point")
            at = point if isinstance(point, dict) else {}
            labels = {"seed": int(str(seed)), **({"method": method, "point": at} if method is not None else {})}
            networks = [Result(folder / row["folder"], {str(key): row[key] for key in row}) for row in rows]
            found.append(Lineage(labels, networks, partial(build, int(str(seed)), at)))
    return found
