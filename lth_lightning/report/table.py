"""The table of all trainings, as text."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from .arms import Arm, describe
from .intervals import Interval, mean_interval, paired_difference
from .sentences import measured
from .wording import EMPTY, duration, plus_minus, points, share


@dataclass(frozen=True)
class Line:
    """One arm at one round, as the page shows it.

    Args:
        round: Round of pruning.
        asked: Share of weights that should be kept, in percent.
        got: Share of weights that was kept, in percent; in brackets the effective share where it is another; and of a
            narrower network its width.
        n: Number of seeds.
        test: Test accuracy, mean and half-width of its interval, in percent.
        validation: The same for the validation accuracy of the last epoch.
        against_dense: Paired difference from dense networks in percentage points.
        epochs: Epochs of training, and their range where seeds differ.
        in_all: The same with those of all trainings before that these need; unknown for older folders.
        inference: Floating-point operations of an image in theory, as a share of the dense network's.
        training: Those of the training, as a share of what the dense network's would be in as many steps.
        seconds: Mean wall time of a training.
    """

    round: int
    asked: str
    got: str
    n: int
    test: str
    validation: str
    against_dense: str
    epochs: str
    in_all: str
    inference: str
    training: str
    seconds: str


def lines(table: pd.DataFrame) -> list[tuple[Arm, list[Line]]]:
    """The lines of every arm, by round.

    Args:
        table: Trainings as `read` returns them.

    Returns:
        Arms in the order of the figures, each with its lines.
    """
    return [
        (
            arm,
            [_line(table, arm.name, r) for r in sorted({int(r) for r in table.loc[table["arm"] == arm.name, "round"]})],
        )
        for arm in describe(table["arm"]).values()
    ]


def told_where_needed(tables: Iterable[list[tuple[Arm, list[Line]]]]) -> dict[str, bool]:
    """Which columns some line has something for.

    Args:
        tables: Lines of arms.

    Returns:
        Whether there are weights that are not in use (`in_use`), other epochs in all than a line's own (`in_all`), and
        other operations than those of dense networks (`flops`).
    """
    every = [line for table in tables for _, own in table for line in own]
    in_all = any(line.in_all not in (line.epochs, EMPTY) for line in every)
    flops = any({line.inference, line.training} - {EMPTY, "1"} for line in every)
    return {"in_use": any("(" in line.got for line in every), "in_all": in_all, "flops": flops}


def _line(table: pd.DataFrame, arm: str, round: int) -> Line:
    metric = measured(table)
    own = table[(table["arm"] == arm) & (table["round"] == round)]
    test, validation = (mean_interval(own.groupby("seed")[name].mean()) for name in ("test_accuracy", "val_accuracy"))
    dense = paired_difference(table, arm, "dense", round=round, metric=metric)
    return Line(
        round=round,
        asked=share(own["density_asked"].mean()).removesuffix(" %"),
        got=_got(own["density"].mean(), own["effective_density"].mean()) + _width(own),
        n=own["seed"].nunique(),
        test=plus_minus(test),
        validation=plus_minus(validation),
        against_dense=_difference(dense) if arm != "dense" else EMPTY,
        epochs=_range(own["epochs"]),
        in_all=_range(own["epochs_in_all"]),
        inference=_flops(table, own, "inference"),
        training=_flops(table, own, "training"),
        seconds=duration(own["seconds"].mean()),
    )


def _flops(table: pd.DataFrame, own: pd.DataFrame, part: str) -> str:
    """The mean share of dense operations; of a narrower network those of the whole one; older folders tell none."""
    if "flops_training" not in table:
        return EMPTY
    whole = table.loc[table["arm"] == "dense", "flops_inference_dense"].mean()
    narrower = 1.0 if math.isnan(whole) else own["flops_inference_dense"] / whole
    ratio = (own[f"flops_{part}"] / own[f"flops_{part}_dense"] * narrower).mean()
    return EMPTY if math.isnan(ratio) else f"{ratio:.3g}"


def _got(density: float, effective: float) -> str:
    got, used = share(density).removesuffix(" %"), share(effective).removesuffix(" %")
    return got if math.isnan(effective) or used == got else f"{got} ({used})"


def _width(own: pd.DataFrame) -> str:
    """The width that was chosen, where one was."""
    width = own["width"].mean() if "width" in own else math.nan
    return "" if math.isnan(width) else f", width {width:.3g}"


def _difference(interval: Interval) -> str:
    if interval.n == 0:
        return EMPTY
    half = f" ± {100 * interval.half_width:.2f}" if interval.n > 1 else " (no interval)"
    return points(interval.mean) + half


def _range(epochs: pd.Series) -> str:
    low, high = epochs.min(), epochs.max()
    if pd.isna(low):
        return EMPTY
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
