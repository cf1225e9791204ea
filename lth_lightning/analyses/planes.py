"""What lies around the networks of three rounds?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from ..analysis import Evaluation, Plane, Statistics, evaluate_by, place_, plane_through
from ..experiments import Result
from .base import Analysis, Lineage, Row, named, state_of
from .images import Images, calibrating, check_calibration, in_order

COLUMNS = (("through", "round"), ("densities", "density"))


@dataclass(frozen=True, kw_only=True)
class Planes(Analysis):
    """Error and loss on the plane through the networks of three rounds (Garipov et al., 2018, arXiv:1802.10026).

    Distances in the plane are Euclidean ones of the parameters. What all three prune is zero on all of it.

    Args:
        rounds: Which three; null for the dense network, the middle ticket and the last.
        number: How many networks on each side of the grid.
        margin: How far the square grid reaches at least beyond the three, as a share of the longer side of their
            bounding box.
        statistics: What batch norm normalises by: statistics 'estimated' on training images at each place; running
            statistics 'interpolated' as the weights, which are none (null) where a variance is below zero; or those of
            the 'batch' at hand.
        images: The images to evaluate on: 'train' (as they are, not augmented), 'val' or 'test'.
        calibration: Number of training batches to estimate statistics on.

    Raises:
        ValueError: If two of the rounds are one, the grid is smaller than 2 by 2, the margin is below zero, or there is
            no calibration.
    """

    rounds: tuple[int, int, int] | None = None
    number: int = 21
    margin: float = 0.25
    statistics: Statistics = "estimated"
    images: Images = "test"
    calibration: int = 8

    def __post_init__(self) -> None:
        if self.rounds is not None and len({*self.rounds}) < 3:
            raise ValueError(f"a plane goes through three different rounds, such as [0, 2, 4], not {self.rounds}")
        if self.number < 2 or not 0 <= self.margin < math.inf:
            raise ValueError(
                f"a plane is looked at on 2 by 2 places or more, with a margin of 0 or more, not at number "
                f"{self.number} and margin {self.margin}"
            )
        check_calibration(self.calibration)

    def rows(self, lineage: Lineage) -> list[Row]:
        """One row: where the three are and the grid is, and what is there; none if there are no such three networks.

        `at` has the coordinates (x, y) of the three rounds, `error_at` and `loss_at` their values, `error_mean` and
        `loss_mean` those of their mean; `x` and `y` the coordinates of the grid, `error` and `loss` its values, a list
        for each y; `error_line` and `loss_line` the values at each x on the line through the first two, where y is 0.
        `through` names the three rounds, `densities` are those of their masks.
        """
        if (chosen := self._chosen(lineage.networks)) is None:
            return []
        built = lineage.build()
        net, batches = built.module, in_order(lineage, self.images)
        calibration = calibrating(lineage, self.statistics, self.calibration)
        plane = plane_through(net, *(state_of(network) for network in chosen))

        def value(x: float, y: float) -> Evaluation:
            place_(net, plane, x, y)
            return evaluate_by(net, batches, self.statistics, calibration)

        xs, ys = self._grid(plane)
        three = [value(x, y) for x, y in plane.coordinates]
        mean = value(*(sum(places) / 3 for places in zip(*plane.coordinates, strict=True)))
        line, *found = [[value(x, y) for x in xs] for y in (0.0, *ys)]
        row: Row = {name: [network.row[of] for network in chosen] for name, of in COLUMNS}
        row |= {"at": [list(at) for at in plane.coordinates], "x": xs, "y": ys}
        for name in ("error", "loss"):
            row |= {f"{name}_at": [_known(each, name) for each in three], f"{name}_mean": _known(mean, name)}
            row[name] = [[_known(each, name) for each in level] for level in found]
            row[f"{name}_line"] = [_known(each, name) for each in line]
        return [{**lineage.labels, **row}]

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """The error on the line through the first two networks of every plane, by the distance from the first."""
        found = {}
        for row in rows:
            label = named(row, "through rounds {} and {}".format(*row["through"]))
            places = zip(row["x"], row["error_line"], strict=True)
            found[f"error/{label}"] = [(place, error) for place, error in places if error is not None]
        return "distance", found

    @property
    def nothing(self) -> str:
        """Which networks are lacking."""
        asked = "three" if self.rounds is None else "those of rounds {}, {} and {}".format(*self.rounds)
        return f"there is no plane: it goes through three networks of one seed, and {asked} are not on file"

    def sentence(self, rows: Sequence[Row]) -> str:
        """What the mean of the three is worth, beside themselves."""
        names = {"rounds {}, {} and {}".format(*row["through"]) for row in rows}
        between = fmean(row["error_mean"] for row in rows)
        own = fmean(error for row in rows for error in row["error_at"])
        return (
            f"the mean of the networks of {' or '.join(sorted(names))} errs on {100 * between:.2f} % of "
            f"images, themselves on {100 * own:.2f} % (batch norm by {self.statistics} statistics, if any)"
        )

    def _chosen(self, networks: Sequence[Result]) -> tuple[Result, Result, Result] | None:
        """The networks of the three rounds, if they are on file."""
        by_round = {network.row["round"]: network for network in networks}
        names = sorted(by_round)
        if self.rounds is None and len(names) < 3:
            return None
        one, other, third = self.rounds or (names[0], names[len(names) // 2], names[-1])
        if not {one, other, third} <= by_round.keys():
            return None
        return by_round[one], by_round[other], by_round[third]

    def _grid(self, plane: Plane) -> tuple[list[float], list[float]]:
        """The places on either axis, evenly spaced and equally far: a square around the middle of the bounding box."""
        sides = [(min(places), max(places)) for places in zip(*plane.coordinates, strict=True)]
        reach = (0.5 + self.margin) * max(high - low for low, high in sides)
        x, y = (
            torch.linspace(middle - reach, middle + reach, self.number, dtype=torch.float64)
            for middle in ((low + high) / 2 for low, high in sides)
        )
        return x.tolist(), y.tolist()


def _known(value: Evaluation, name: str) -> float | None:
    """What is known of a network: nothing if its loss is not a number, as by a variance below zero."""
    found: float = getattr(value, name)
    return found if math.isfinite(value.loss) else None
