"""What analyses of lines between networks have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal, Self, get_args

from ..analysis import Statistics, alphas
from .base import Analysis, Lineage, Row, named
from .images import Images, calibrating, check_calibration, in_order
from .way import Way


@dataclass(frozen=True, kw_only=True)
class Lines(Analysis):
    """Error and loss on the lines between networks, in each of several ways.

    The barrier is the highest value on the line minus the mean of its ends (Frankle et al., 2020, arXiv:1912.05671).

    Args:
        number: How many networks on the line to evaluate: 20 in Maene et al., 2021; 30 in Frankle et al., 2020.
        where: At the 'ends' and evenly between them, or in the 'middles' of as many equal parts, as Frankle et al.
        span: Between which alphas, 0 being one network and 1 the other; beyond these it goes on straight.
        statistics: What batch norm normalises by, one or several of: running statistics, 'interpolated' as the weights
            or 'estimated' on training images at each place; those of the 'batch' at hand.
        images: The images to evaluate on, one or several of 'train' (as they are, not augmented), 'val' and 'test'.
        batches: At most so many batches of them, for evaluations in less time, the same ones for every network; all by
            default.
        calibration: Number of training batches to estimate statistics on.

    Raises:
        ValueError: If there are too few places, or no such span, batches, calibration, statistics or images.
    """

    number: int = 20
    where: Literal["ends", "middles"] = "ends"
    span: tuple[float, float] = (0.0, 1.0)
    statistics: Sequence[Statistics] = ("interpolated",)
    images: Sequence[Images] = ("test",)
    batches: int | None = None
    calibration: int = 8

    def __post_init__(self) -> None:
        check_calibration(self.calibration)
        if self.batches is not None and self.batches < 1:
            raise ValueError(f"batches is {self.batches}: evaluate on at least one batch, or leave it out for all")
        low, high = self.span
        if not (isfinite(low) and isfinite(high) and low < high):
            raise ValueError(f"span is {[low, high]}: give two alphas, such as [0, 1], the smaller one first")
        if not any(0 <= place <= 1 for place in self.places):
            raise ValueError(f"none of {self.number} alphas over the span {[low, high]} lies in [0, 1]: ask for more")
        for what, chosen, known in (("statistics", self.statistics, Statistics), ("images", self.images, Images)):
            if not chosen or len({*chosen}) < len(chosen) or {*chosen} - {*get_args(known)}:
                raise ValueError(f"{what} are {list(chosen)}: give one or more of {', '.join(get_args(known))}, once")

    def tried(self) -> Self:
        """At three places."""
        return replace(self, number=min(3, self.number))

    @property
    def places(self) -> tuple[float, ...]:
        """The alphas; rounded, so that an end that is meant is met."""
        low, high = self.span
        return tuple(round(low + (high - low) * alpha, 12) for alpha in alphas(self.number, self.where))

    def ways(self, lineage: Lineage) -> list[Way]:
        """Every combination of images and statistics, in their order."""
        built = lineage.build()
        calibration = {each: calibrating(lineage, each, self.calibration) for each in self.statistics}
        return [
            Way(built, self.places, images, batches, statistics, calibration[statistics])
            for images, batches in ((each, in_order(lineage, each, self.batches)) for each in self.images)
            for statistics in self.statistics
        ]

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """The error along every line, by the first of the ways."""
        found = {}
        for row in self.of_first(rows):
            what = f"rounds {row['from']} to {row['to']}" if "from" in row else f"{row['arm']} round {row['round']}"
            errors = row["error"] if isinstance(row["error"][0], list) else [row["error"]]
            for number, error in enumerate(errors):
                label = named(row, what, *([f"pair {number}"] if len(errors) > 1 else []))
                places = zip(row["alphas"], error, strict=True)
                found[f"error/{label}"] = [(place, value) for place, value in places if value is not None]
        return "alpha", found

    @property
    def how(self) -> str:
        """The first of the ways in words, which is the one that sentences are about."""
        return f"on {self.images[0]} images, batch norm by {self.statistics[0]} statistics, if any"

    def of_first(self, rows: Sequence[Row]) -> list[Row]:
        """The rows of the first of the ways."""
        return [r for r in rows if (r["images"], r["statistics"]) == (self.images[0], self.statistics[0])]
