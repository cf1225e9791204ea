"""From an experiment's folder to its lineages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from ..experiments import Built, Result, SmallDense, read_result
from ..report import read
from .base import Lineage

SPARSE = ("ticket", "sparse")  # what a method makes at its densities, beside which there may be controls


class Builder(Protocol):
    """Makes what the networks of a seed, at a point of a study's grid, are evaluated in."""

    def __call__(self, seed: int, point: Mapping[str, Any], init: int | None = None) -> Built:
        """A fresh set of module, data module and Trainer arguments, of the seed's initialisation or that of `init`."""

    def precision(self, seed: int, point: Mapping[str, Any]) -> Callable[[], AbstractContextManager[None]]:
        """The context in which they were evaluated when they were trained."""


def lineages(folder: Path, build: Builder) -> list[Lineage]:
    """Every dense network with its tickets, by seed, and of a study by point and method too.

    Where the only training was sparse, its network stands in the place of the dense one.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.
        build: Makes what networks are evaluated in.

    Raises:
        FileNotFoundError: If there is no finished training.
    """
    table = read(folder)
    table["at"] = table["point"].map(str) if "point" in table else ""
    if "copy_of" not in table:
        table["copy_of"] = None
    found = []
    for (seed, _), own in table.groupby(["seed", "at"], sort=False):
        dense = own[own["arm"] == ("dense" if "dense" in set(own["arm"]) else "sparse")].head(1)
        compared = own[own["arm"].isin(SPARSE) | own["copy_of"].notna()]
        for method in compared["method"].unique() if len(compared) else dense["method"]:
            same = own[own["method"].isna() if method is None else own["method"] == method]
            tickets = same[same["arm"].isin(SPARSE) & ~same["folder"].isin(dense["folder"])].sort_values("round")
            point = own.iloc[0].get("point")
            at = point if isinstance(point, dict) else {}
            labels = {"seed": int(str(seed)), **({"method": method} if method is not None else {})}
            labels |= {"point": at} if "point" in own else {}
            networks = _results(folder, pd.concat([dense, tickets]))
            beside = (
                ~same["folder"].isin(dense["folder"])
                & ~same["arm"].isin(["dense", *SPARSE, SmallDense.arm])
                & same["copy_of"].isna()
            )
            controls = _results(folder, same[beside].sort_values(["round", "arm"]))
            copies = [_results(folder, rows) for rows in _copies(same)]
            place = int(str(seed)), at
            found.append(Lineage(labels, networks, partial(build, *place), controls, copies, build.precision(*place)))
    return found


def given(networks: Sequence[Path], build: Builder) -> Lineage:
    """Any networks, as if they were successive rounds: numbered from 0 in their order.

    Args:
        networks: The folders of finished trainings.
        build: Makes what networks are evaluated in, for the seed and the point of the first.

    Raises:
        FileNotFoundError: If one is no finished training.
    """
    results = []
    for number, folder in enumerate(networks):
        result = read_result(folder)
        if result is None:
            raise FileNotFoundError(f"'{folder}' is no finished training: name a folder with a result.pt")
        results.append(Result(folder, {**result.row, "round": number, "folder": str(folder)}))
    first = results[0].row
    at = first["point"] if isinstance(first.get("point"), dict) else {}
    place = int(first["seed"]), at
    return Lineage({"seed": place[0]}, results, partial(build, *place), precision=build.precision(*place))


def _results(folder: Path, rows: pd.DataFrame) -> list[Result]:
    return [Result(folder / row["folder"], {str(key): row[key] for key in row}) for row in rows.to_dict("records")]


def _copies(own: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The sets of a method's trainings that differ in SGD noise only, what was copied first."""
    copies = own[own["copy_of"].notna()]
    for (arm, number), rows in copies.groupby(["copy_of", "round"], sort=False):
        copied = own[(own["arm"] == arm) & (own["round"] == number) & own["copy_of"].isna()]
        if len(copied) + len(rows) > 1:
            yield pd.concat([copied, rows])
