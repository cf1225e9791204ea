"""A study's table, split so that nothing mixes what was trained differently: by method, and by point of the grid."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .arms import PREPARING
from .reading import position
from .setting import Setting

FINDING = (*PREPARING, "pruned")  # trainings that find tickets, maybe with a rate of their own
RATE = "lr"  # the axis that the conditions of Ma et al. choose from
SAME = 1e-3  # small dense networks match the tickets whose density is the same within this share


def methods(table: pd.DataFrame) -> list[str]:
    """The methods of a study in alphabetical order; one without a name where nothing tells its method."""
    return sorted({str(method) for method in table["method"].dropna()}) or [""]


def settings(table: pd.DataFrame) -> dict[Setting, pd.DataFrame]:
    """The trainings of every method at every point, with what all methods of the point share.

    Small dense networks that are shared get the round of the tickets that they match; those that match none of the
    method's tickets are left out. Where no axis of the grid is `lr`, learning rates of trainings that differ take its
    place, so that a table of several learning rates has several settings.

    Args:
        table: Trainings as `read` returns them.

    Returns:
        Tables on which whatever looks at a single experiment can look; by point, and within by method.
    """
    points = _points(table)
    order = sorted(set(points), key=lambda point: _order(point, table.attrs.get("grid", {})))
    found: dict[Setting, pd.DataFrame] = {}
    for point in order:
        there = table[[other == point for other in points]]
        for method in methods(table):
            if (own := _of_method(there, method)) is not None:
                found[Setting(method, point)] = own
    return found


def pooled(table: pd.DataFrame) -> dict[Setting, pd.DataFrame]:
    """As `settings`, but learning rates together, which column `lr` tells apart: what `verdict` judges.

    Args:
        table: Trainings as `read` returns them.
    """
    found: dict[Setting, list[pd.DataFrame]] = {}
    for setting, own in settings(table).items():
        rate = setting.at.get(RATE)
        found.setdefault(setting.without(RATE), []).append(own if rate is None else own.assign(lr=float(rate)))
    return {setting: _joined(own) for setting, own in found.items()}


def _points(table: pd.DataFrame) -> list[tuple[tuple[str, Any], ...]]:
    """The point of every row; older experiments with several learning rates have these as their axis.

    Trainings that only find tickets are where these are, whatever rate they have of their own.
    """
    axes = table.attrs.get("axes", [])
    rows: list[Mapping[str, Any]] = [
        point if isinstance(point, dict) else {} for point in table.get("point", pd.Series(index=table.index))
    ]
    points = [tuple((axis, row[axis]) for axis in [*axes, *sorted({*row} - {*axes})] if axis in row) for row in rows]
    if RATE in axes or table.loc[~table["arm"].isin(FINDING), "lr"].nunique() < 2:
        return points
    rates = table["lr"].tolist()
    return [point if np.isnan(rate) else (*point, (RATE, rate)) for point, rate in zip(points, rates, strict=True)]


def _order(point: tuple[tuple[str, Any], ...], grid: Mapping[str, list[Any]]) -> list[Any]:
    return [position(value, grid.get(axis, [])) for axis, value in point]


def _of_method(there: pd.DataFrame, method: str) -> pd.DataFrame | None:
    """A method's trainings and the shared ones; None where the method has not trained anything yet."""
    own = there[there["method"] == method] if method else there[there["method"].isna()]
    if own.empty:
        return None
    table = pd.concat([_matched(there[there["method"].isna()], own), own]) if method else own.copy()
    reasons = there.attrs.get("not_applicable", {})
    own_reasons = {
        arm.rpartition("/")[2]: why for arm, why in reasons.items() if arm.rpartition("/")[0] in ("", method)
    }
    table.attrs = {"not_applicable": own_reasons}
    return table


def _matched(shared: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Shared trainings with the round of the tickets that they match."""
    tickets = own[own["arm"] == "ticket"].groupby("round")["density_asked"].mean()
    rounds: list[float] = []
    for training in shared.to_dict("records"):
        density = training["density_asked"]
        close = tickets[(tickets - density).abs() <= SAME * density]
        rounds.append(training["round"] if training["arm"] == "dense" else close.index[0] if len(close) else np.nan)
    matched = shared.assign(round=rounds)
    return matched[matched["round"].notna()].astype({"round": int})


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    joined = pd.concat(tables)
    joined.attrs = dict(tables[0].attrs)
    return joined


def is_study(table: pd.DataFrame) -> bool:
    """Whether a table has methods or points, or learning rates, that must not be mixed."""
    return table.attrs["study"] is not None or len(settings(table)) > 1
