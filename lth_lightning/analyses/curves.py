"""Where the line between successive rounds has a barrier, is there a way around it?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import fmean

from ..analysis import Bent, Curve, Kind, Statistics, alphas, barrier, bend_, connect, interpolate_, on_path
from ..analysis.connecting import check_training
from ..experiments import Built, Result
from ..training import Epochs
from .base import Analysis, Lineage, Row, named, state_of
from .images import Images, calibrating, check_calibration, in_order


@dataclass(frozen=True, kw_only=True)
class Curves(Analysis):
    """A curve of low loss between each round's network and the next one's, trained, beside the straight line.

    Its bend is trained from their midpoint by SGD on training images (Garipov et al., 2018, arXiv:1802.10026). Weights
    that both prune stay zero.

    Args:
        kind: A quadratic 'bezier' curve, or a 'polygonal' chain with one bend.
        epochs: How long to train each curve.
        lr: The learning rate at first; it falls linearly.
        number: How many networks on the curve and on the line to evaluate, ends among them.
        seed: Of the places on the curve that are trained.
        statistics: What batch norm normalises by in evaluation: statistics 'estimated' on training images at each
            place, or 'interpolated' as the weights, or those of the 'batch' at hand.
        images: The images to evaluate on: 'train' (as they are, not augmented), 'val' or 'test'.
        calibration: Number of training batches to estimate statistics on.

    Raises:
        ValueError: If there are no epochs, the learning rate is not above zero, there are fewer than two places, no
            such kind of curve, or no calibration.
    """

    kind: Kind = "bezier"
    epochs: int = 5
    lr: float = 0.03
    number: int = 21
    seed: int = 0
    statistics: Statistics = "estimated"
    images: Images = "test"
    calibration: int = 8

    def __post_init__(self) -> None:
        check_training(self.kind, self.epochs, self.lr)
        alphas(self.number)
        check_calibration(self.calibration)

    def rows(self, lineage: Lineage) -> list[Row]:
        """A row for each pair of successive rounds.

        `alphas` are the places; `error` and `loss` have the values on the curve, `line_error` and `line_loss` those on
        the line, and each has its `..._barrier`.
        """
        if len(lineage.networks) < 2:
            return []
        built = lineage.build()
        evaluated = partial(
            on_path,
            built.module,
            alphas=alphas(self.number),
            batches=in_order(lineage, self.images),
            statistics=self.statistics,
            calibration=calibrating(lineage, self.statistics, self.calibration),
        )
        found = list[Row]()
        for before, after, curve in self._trained(lineage.networks, built):
            row = {"from": before.row["round"], "to": after.row["round"], "alphas": list(alphas(self.number))}
            row |= {"density_from": before.row["density"], "density": after.row["density"]}
            row |= _told("", evaluated(partial(bend_, built.module, curve)))
            row |= _told("line_", evaluated(partial(interpolate_, built.module, curve.one, curve.other)))
            found.append({**lineage.labels, **row})
        return found

    def _trained(self, networks: Sequence[Result], built: Built) -> Iterator[tuple[Result, Result, Bent]]:
        """The curve between each two successive networks, one after the other."""
        train = partial(connect, built.module, kind=self.kind, epochs=self.epochs, lr=self.lr, seed=self.seed)
        states = ((network, state_of(network)) for network in networks)
        for (before, one), (after, other) in pairwise(states):
            masks = (before.mask, after.mask)
            yield before, after, train(one=one, other=other, batches=Epochs(built.data), masks=masks)

    def curves(self, rows: Sequence[Row]) -> tuple[str, dict[str, list[tuple[float, float]]]]:
        """The error along every trained curve and every line."""
        found = {}
        for row in rows:
            label = named(row, f"rounds {row['from']} to {row['to']}")
            found[f"error on the curve/{label}"] = list(zip(row["alphas"], row["error"], strict=True))
            found[f"error on the line/{label}"] = list(zip(row["alphas"], row["line_error"], strict=True))
        return "alpha", found

    def sentence(self, rows: Sequence[Row]) -> str:
        """The mean barriers of both, and where that of the curve is highest."""
        line, curve = (100 * fmean(row[f"{way}error_barrier"] for row in rows) for way in ("line_", ""))
        most = max(rows, key=lambda row: float(row["error_barrier"]))
        return (
            f"between successive rounds the mean error barrier is {line:.2f} points on the line and {curve:.2f} on a "
            f"trained curve, there {100 * most['error_barrier']:.2f} at the most ({most['from']} to {most['to']}, seed "
            f"{most['seed']}; batch norm by {self.statistics} statistics, if any)"
        )


def _told(way: str, curve: Curve) -> Row:
    row: Row = {}
    for name, values in (("error", curve.error), ("loss", curve.loss)):
        row |= {f"{way}{name}": list(values), f"{way}{name}_barrier": barrier(values, (values[0], values[-1]))}
    return row
