"""The table of the sanity checks, as text."""

import math
from dataclasses import dataclass

import pandas as pd

from .arms import Arm, describe
from .checks import TOLERANCE
from .wording import further, points, share


@dataclass(frozen=True)
class Cell:
    """A check at a density, as the page shows it.

    Args:
        verdict: As `judge` words it.
        drop: The mean drop in percentage points.
        interval: Its ends; empty where there is none.
        evidence: Number of seeds, and the adjusted p-value of no difference.
        remark: What it would take to settle it, or what the verdict does not say; else empty.
    """

    verdict: str
    drop: str
    interval: str
    evidence: str
    remark: str

    @property
    def kind(self) -> str:
        """The style sheet's name of the verdict."""
        return {"accuracy drops": "drops", "no drop": "same"}.get(self.verdict, "open")


@dataclass(frozen=True)
class Line:
    """A check at all densities.

    Args:
        arm: The check.
        cells: One per density; None where nothing has finished. Empty for a check that does not apply.
        reason: Why it does not apply.
    """

    arm: Arm
    cells: list[Cell | None]
    reason: str


@dataclass(frozen=True)
class VerdictTable:
    """All checks at all densities.

    Args:
        densities: One per column.
        lines: One per check.
        comparisons: Number of intervals.
        tolerance: That of the verdicts, in percentage points.
    """

    densities: list[str]
    lines: list[Line]
    comparisons: int
    tolerance: str


def verdict_table(verdicts: pd.DataFrame, tolerance: float = TOLERANCE) -> VerdictTable:
    """The verdicts as a table of checks and densities.

    Args:
        verdicts: As `verdicts` returns them.
        tolerance: The tolerance of the verdicts.
    """
    drops = verdicts[verdicts["n"] > 0]
    densities = drops.groupby("round")["density"].first().sort_values(ascending=False, kind="stable")
    lines = []
    for arm in describe(verdicts["arm"]).values():
        own = verdicts[verdicts["arm"] == arm.name].set_index("round")
        reason = str(own["reason"].iloc[0])
        cells = [_cell(own.loc[number], tolerance) if number in own.index else None for number in densities.index]
        lines.append(Line(arm, [] if reason else cells, reason))
    comparisons = int((verdicts["n"] > 1).sum())
    return VerdictTable([share(density) for density in densities], lines, comparisons, f"{100 * tolerance:g}")


def _cell(found: pd.Series, tolerance: float) -> Cell:
    interval, evidence = "", f"n = {found['n']}"
    if found["n"] > 1:
        interval = f"({points(found['low'])} to {points(found['high'])})"
        evidence += f", {p_value(found['p_holm'])}"
    return Cell(found["verdict"], points(found["mean"]), interval, evidence, _remark(found, tolerance))


def _remark(found: pd.Series, tolerance: float) -> str:
    if found["verdict"] == "accuracy drops":
        return f"by less than {100 * tolerance:g} points" if found["high"] < tolerance else ""
    if found["verdict"] == "no drop":
        return "accuracy rises" if found["high"] < 0 else ""
    if found["n"] < 2:
        return "one seed: no interval"
    if math.isnan(found["more"]):
        return "all seeds agree: spread unknown"
    return f"{100 * (found['high'] - found['low']):.2f} points wide: {further(found['more'])}"


def p_value(p: float) -> str:
    """A p-value with two significant digits.

    Example:
        >>> p_value(0.0312), p_value(1.0), p_value(0.0000123)
        ('p = 0.031', 'p = 1', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
