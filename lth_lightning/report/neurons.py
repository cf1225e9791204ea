"""Which neurons of which layer were kept, by what structured pruning has noted."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from .facts import in_words
from .layers import short_names
from .wording import listed, share


@dataclass(frozen=True)
class LayerLine:
    """What became of a layer at a density.

    Args:
        density: Weights kept, in a layer's first line of a density.
        layer: Its name.
        neurons: How many it had.
        kept: How many it has, the mean over seeds.
        by: What chose them, with the number of seeds where it is not the same for all.
        layer_change: Of what the next layer makes of them, a share.
        output_change: Of the network's output, a share.
        accuracy_fall: Of the accuracy on the images that they were chosen by, a share.
    """

    density: str
    layer: str
    neurons: int
    kept: str
    by: str
    layer_change: str
    output_change: str
    accuracy_fall: str


def chosen_neurons(table: pd.DataFrame) -> pd.DataFrame:
    """The notes of all trainings that took neurons out, a row for each layer.

    Args:
        table: Trainings as `read` returns them.

    Returns:
        Columns `seed`, `round`, `density`, and those of `Neurons`' notes; none where nothing was noted.
    """
    rows: list[dict[str, Any]] = [
        {**note, "seed": training["seed"], "round": training["round"], "density": training["density"]}
        for training in table.to_dict("records")
        if isinstance(training.get("notes"), list)
        for note in training["notes"]
        if "layer" in note
    ]
    return pd.DataFrame(rows)


def neuron_lines(chosen: pd.DataFrame) -> list[LayerLine]:
    """The table as the page shows it: means over seeds, layers from input to output.

    Args:
        chosen: As `chosen_neurons` returns them.
    """
    lines = list[LayerLine]()
    for _, there in chosen.groupby("round"):
        layers = list(there["layer"].unique())
        for layer, name in zip(layers, short_names(layers, 30), strict=True):
            own = there[there["layer"] == layer]
            kept = f"{own['kept'].mean():.1f}".removesuffix(".0")
            density = share(there.groupby("seed")["density"].first().mean()) if layer == layers[0] else ""
            changes = (_percent(own[name]) for name in ("layer_change", "output_change", "accuracy_fall"))
            lines.append(LayerLine(density, name, int(own["neurons"].iloc[0]), kept, _by(own["by"]), *changes))
    return lines


def unmet(table: pd.DataFrame) -> list[str]:
    """A sentence for every density at which layers did not meet the tolerance.

    Args:
        table: Trainings as `read` returns them.
    """
    chosen = chosen_neurons(table)
    if "tolerance_met" not in chosen:
        return []
    sentences = []
    for _, there in chosen[chosen["tolerance_met"].eq(False)].groupby("round"):
        layers = listed(short_names(list(there["layer"].unique()), 30))
        sentences.append(
            f"With {share(there['density'].mean())} of the weights the tolerance was not met in {layers}: the table of "
            "neurons says what was reached."
        )
    return sentences


def _by(selections: pd.Series) -> str:
    counts = selections.value_counts()
    named = [in_words(str(name)).lower() for name in counts.index]
    return (
        named[0]
        if len(named) == 1
        else listed(f"{name} ({count}\u00d7)" for name, count in zip(named, counts, strict=True))
    )


def _percent(values: pd.Series) -> str:
    return share(values.mean()) if values.notna().any() else "unknown"
