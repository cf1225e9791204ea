"""What the networks on a path, such as the line between two, are worth: `along` and `on_path`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import get_args

from torch import nn

from .curve import Curve
from .evaluation import Evaluation, evaluate
from .forward import Batches
from .interpolation import interpolate_
from .states import Weights
from .statistics import Statistics, batch_statistics, estimate_


def along(
    net: nn.Module,
    one: Weights,
    other: Weights,
    alphas: Iterable[float],
    batches: Batches,
    statistics: Statistics,
    calibration: Batches | None = None,
) -> Curve:
    """Loss and error of the networks on the line from `one` (alpha 0) to `other` (alpha 1), see `interpolate_`.

    Args:
        net: A network of the architecture, in which to evaluate; it is left at the last alpha that is none of before.
        one: Its state dictionary at one end.
        other: That at the other end.
        alphas: Where on the line, 0..1; what is given twice is evaluated once.
        batches: (images, labels) to evaluate on, such as a list: they are read once for each alpha.
        statistics: By what batch norm normalises: running statistics 'interpolated' like weights or 'estimated' anew
            at each alpha, or those of the 'batch' at hand. Without batch norm there is no difference.
        calibration: (images, labels) to estimate on, the same ones at each alpha; examples of training, not of a test.

    Raises:
        ValueError: If there are no such statistics, no calibration to estimate them on, batches that can be read only
            once, no examples, or states that `interpolate_` refuses.
    """
    return on_path(net, partial(interpolate_, net, one, other), alphas, batches, statistics, calibration)


def on_path(
    net: nn.Module,
    place: Callable[[float], None],
    alphas: Iterable[float],
    batches: Batches,
    statistics: Statistics,
    calibration: Batches | None = None,
) -> Curve:
    """Loss and error of the networks on any path, see `along` for the arguments that are not described here.

    Args:
        net: The network that `place` writes into.
        place: Makes the network the one at an alpha.
        alphas: Where on the path.
        batches: To evaluate on.
        statistics: By what batch norm normalises.
        calibration: To estimate its statistics on.

    Raises:
        ValueError: If `evaluate_by` or `place` refuses what it is given.
    """
    places, known = tuple(alphas), dict[float, Evaluation]()
    for alpha in dict.fromkeys(places):
        place(alpha)
        known[alpha] = evaluate_by(net, batches, statistics, calibration)
    found = [known[alpha] for alpha in places]
    return Curve(places, tuple(each.loss for each in found), tuple(each.error for each in found), statistics)


def evaluate_by(
    net: nn.Module, batches: Batches, statistics: Statistics, calibration: Batches | None = None
) -> Evaluation:
    """Loss and error of a network that was never trained, for which batch norm's statistics have to be chosen.

    Args:
        net: The network; its running statistics are lost where they are to be 'estimated'.
        batches: (images, labels) to evaluate on, such as a list: not an iterator, empty for the next network.
        statistics: By what batch norm normalises: the network's running statistics ('interpolated'), statistics
            'estimated' anew, or those of the 'batch' at hand.
        calibration: (images, labels) to estimate on; examples of training, not of a test.

    Raises:
        ValueError: If there are no such statistics, no calibration to estimate them on, batches that can be read only
            once, or no examples.
    """
    if statistics not in get_args(Statistics):
        raise ValueError(f"batch norm's statistics are {', '.join(get_args(Statistics))}, not {statistics!r}")
    if statistics == "estimated" and calibration is None:
        raise ValueError("statistics are 'estimated' on examples of training: give batches as calibration")
    if isinstance(batches, Iterator) or isinstance(calibration, Iterator):
        raise ValueError("the batches are an iterator, empty after the first network: make them a list")
    if statistics == "estimated" and calibration is not None:
        estimate_(net, calibration)
    with batch_statistics(net) if statistics == "batch" else nullcontext():
        return evaluate(net, batches)
