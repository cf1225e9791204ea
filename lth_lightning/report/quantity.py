"""The quantity of a claim: which trainings it is about, and its value for every seed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..claims import Claim, densities_of, found, nearest, number
from .measures import COLUMNS
from .settings import SAME

Place = dict[str, pd.DataFrame]  # the trainings of every arm at one place


def values_of(claim: Claim, table: pd.DataFrame) -> list[float]:
    """The quantity or its slope, seed by seed; empty where trainings are missing.

    Args:
        claim: What is claimed.
        table: Trainings as `read` returns them, of a study or of one experiment.

    Raises:
        ValueError: If the claim is about what the table cannot have, or several things would do.
    """
    if claim.metric not in table and claim.metric in COLUMNS:
        return []  # its analysis has not been made yet
    if claim.metric not in table:
        known = ", ".join(filter(lambda column: column.endswith(("accuracy", "loss")), map(str, table)))
        raise ValueError(f"the claim '{claim.says}' is about {claim.metric}, which results lack: they have {known}")
    claim.check_axes(_grid(claim, table))
    arms = arms_of(table)
    names = [name for name in (claim.of, claim.minus) if name is not None]
    if not all(any(arm == name or arm.endswith(f"/{name}") for arm in arms) for name in names):
        return []
    chosen = [claim.arm(name, arms) for name in names]
    steps = [_quantity(claim, chosen, place) for place in _places(claim, table, chosen)]
    if claim.moves is None:
        return list(steps[0]) if steps else []
    seeds = pd.concat(steps, axis=1).dropna() if len(steps) > 1 else pd.DataFrame()
    places = np.arange(len(steps)) - (len(steps) - 1) / 2
    return [float(slope) for slope in seeds.to_numpy(float) @ places / (places**2).sum()] if len(seeds) else []


def arms_of(table: pd.DataFrame) -> list[str]:
    """The full names of all arms of a table, as claims call them."""
    return sorted({_named(method, arm) for method, arm in zip(table["method"], table["arm"], strict=True)})


def _named(method: Any, arm: str) -> str:
    return f"{method}/{arm}" if isinstance(method, str) else arm


def _grid(claim: Claim, table: pd.DataFrame) -> dict[str, list[Any]]:
    """The axes of a study. The learning rate of an experiment without axes may be named, too."""
    grid = dict(table.attrs.get("grid", {}))
    if "lr" not in grid and "lr" in {*claim.at, claim.along}:
        grid["lr"] = sorted(table["lr"].dropna().unique().tolist())
    return grid


def _places(claim: Claim, table: pd.DataFrame, arms: list[str]) -> Iterator[Place]:
    """Where the quantity is looked at: one place, or those along an axis in their order."""
    there = table
    for axis, value in claim.at.items():
        if axis != "density":
            there = there[_at(there, axis, value)]
    called = [_named(method, arm) for method, arm in zip(there["method"], there["arm"], strict=True)]
    own = {name: there[np.array([each == name for each in called], bool)] for name in arms}
    if claim.along in (None, "density"):
        yield from _densities(claim, there, own)
    else:
        values = _grid(claim, table)[str(claim.along)]
        numeric = all(number(value) is not None for value in values)
        for value in sorted(values, key=float) if numeric else values:
            at = {name: trainings[_at(trainings, str(claim.along), value)] for name, trainings in own.items()}
            here = there[_at(there, str(claim.along), value)]
            yield next(iter(_densities(claim, here, at)), {name: trainings[:0] for name, trainings in at.items()})


def _at(table: pd.DataFrame, axis: str, value: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows are at a value of an axis; an array, as by an empty list of rows pandas takes columns away."""
    points = table["point"].tolist() if "point" in table else [None] * len(table)
    rates = table["lr"].tolist()
    had = [
        point[axis] if isinstance(point, dict) and axis in point else rate if axis == "lr" else None
        for point, rate in zip(points, rates, strict=True)
    ]
    return np.array([found(value, [other]) is not None for other in had], bool)


def _densities(claim: Claim, there: pd.DataFrame, own: Place) -> Iterator[Place]:
    """The trainings of every arm at the density that is asked for, or at each of those it moves along."""
    trained = _trained(there)
    has = {name: densities_of(name, trained) for name, rows in own.items() if (rows["density_asked"] < 1).any()}
    if not has:
        yield own
        return
    if not all(has.values()):
        return
    if claim.along == "density":
        asked: list[Any] = next(iter(has.values()))
    else:
        if "density" not in claim.at:
            claim.check_densities(has)
        asked = [claim.at.get("density", next(iter(has.values()))[0])]
    for density in asked:
        close = {name: nearest(density, values) for name, values in has.items()}
        if None not in close.values():
            yield {name: _dense_as(own[name], close.get(name)) for name in own}


def _trained(table: pd.DataFrame) -> Mapping[str, list[float]]:
    """The densities of every method's tickets; of what is no ticket where there are none."""
    sparse = table[(table["arm"] != "dense") & table["density_asked"].notna()]
    tickets = sparse[sparse["arm"] == "ticket"] if (sparse["arm"] == "ticket").any() else sparse
    trained: dict[str, list[float]] = {}
    for method, density in zip(tickets["method"], tickets["density_asked"], strict=True):
        trained.setdefault(method if isinstance(method, str) else "", []).append(float(density))
    return trained


def _dense_as(trainings: pd.DataFrame, density: float | None) -> pd.DataFrame:
    """Those of the trainings that keep a share of the weights; all where none is asked for."""
    if density is None:
        return trainings
    return trainings[(trainings["density_asked"] - density).abs() <= SAME * density]


def _quantity(claim: Claim, arms: list[str], place: Place) -> pd.Series:
    """The metric of an arm, or that minus another's, by seed."""
    seeds = [place[arm].groupby("seed")[claim.metric].mean() for arm in arms]
    return (seeds[0] - seeds[1] if len(seeds) > 1 else seeds[0]).dropna()
