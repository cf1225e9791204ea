"""What is left of networks as graphs: units that do nothing, and layers that nothing passes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .arms import PRUNED, describe
from .layers import short_names
from .wording import EMPTY, listed, share

MOST_NAMES = 3


def idle_units(table: pd.DataFrame) -> pd.DataFrame:
    """Units of tickets (or of sparse networks, where there are no tickets) that pruning has left without a use.

    Args:
        table: Trainings as `read` returns them.

    Returns:
        Columns `layer`, `round`, `density`, `dead` and `disconnected` (means over seeds), in the order of the network;
        only layers that have such units at some round, only rounds that have such units in some layer.
    """
    rows = [
        {"layer": layer, "round": training["round"], "density": training["density"]}
        | {kind: units.get(kind, 0) for kind in ("dead", "disconnected")}
        for training, structure in _structures(table[table["arm"].isin(PRUNED)])
        for layer, units in structure.get("layers", {}).items()
    ]
    found = pd.DataFrame(rows, columns=["layer", "round", "density", "dead", "disconnected"])
    found = found.groupby(["layer", "round"], sort=False, as_index=False).mean()
    idle = found[found["dead"] + found["disconnected"] > 0]
    return found[found["layer"].isin(idle["layer"]) & found["round"].isin(idle["round"])].reset_index(drop=True)


def collapses(table: pd.DataFrame) -> list[str]:
    """A sentence for every density at which a layer of some network has collapsed.

    Args:
        table: Trainings as `read` returns them.

    Returns:
        Sentences that name the arms, their layers and in how many seeds.
    """
    rows = [
        {"round": training["round"], "arm": training["arm"], "seed": training["seed"], "layer": layer}
        for training, structure in _structures(table)
        for layer in structure.get("collapsed", [])
    ]
    found = pd.DataFrame(rows, columns=["round", "arm", "seed", "layer"])
    sentences = []
    for number, there in found.groupby("round"):
        at = table[table["round"] == number]
        arms = [
            f"{arm.label} in {_layers(own['layer'])} ({own['seed'].nunique()} of "
            f"{at.loc[at['arm'] == arm.name, 'seed'].nunique()} seeds)"
            for arm in describe(there["arm"]).values()
            for own in [there[there["arm"] == arm.name]]
        ]
        where = f"Layer collapse with {share(at.loc[at['arm'].isin(there['arm']), 'density'].mean())} of the weights"
        sentences.append(f"{where}: {'; '.join(arms)}. No path from input to output passes such a layer.")
    return sentences


def _structures(table: pd.DataFrame) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for training in table.to_dict("records"):
        if isinstance(training["structure"], dict):
            yield {str(key): value for key, value in training.items()}, training["structure"]


def _layers(names: pd.Series) -> str:
    """The first few layers by name; layers of several seeds once."""
    layers = [name.removesuffix(".weight") for name in names.unique()]
    more = len(layers) - MOST_NAMES
    return listed([*layers[:MOST_NAMES], f"{more} more"] if more > 1 else layers)


@dataclass(frozen=True)
class IdleTable:
    """Idle units as the page shows them.

    Args:
        densities: One per pair of columns.
        lines: Every layer with its dead and disconnected units at each density.
    """

    densities: list[str]
    lines: list[tuple[str, list[str]]]


def idle_table(units: pd.DataFrame) -> IdleTable:
    """The table of idle units as text.

    Args:
        units: As `idle_units` returns them.
    """
    densities = units.groupby("round")["density"].mean().sort_values(ascending=False, kind="stable")
    layers = list(units["layer"].unique())
    counts = units.pivot(index="layer", columns="round", values=["dead", "disconnected"])
    columns = [(kind, number) for number in densities.index for kind in ("dead", "disconnected")]
    lines = [
        (name, [_count(counts.loc[layer, column]) for column in columns])
        for layer, name in zip(layers, short_names(layers, 30), strict=True)
    ]
    return IdleTable([share(density) for density in densities], lines)


def _count(mean: float) -> str:
    return EMPTY if math.isnan(mean) else f"{mean:.1f}".removesuffix(".0")
