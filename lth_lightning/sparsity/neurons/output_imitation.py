"""Greedy global imitation: which of a layer's neurons make the network's output what it was (Ye et al., 2020)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .gram import Step, check_width
from .imitation import moved
from .output import Output

EVALUATIONS = 12  # of the true discrepancy, at most, in the line search of one step
NEAR = 0.05  # of a step's size: what is nearer to it is not looked at


def imitate_output(output: Output, width: int | None = None) -> Iterator[Step]:
    """A layer's greedy global imitation, step by step: the best single neuron first, without an end.

    One forward and backward pass tells the slopes g of all neurons, and with them a Taylor approximation of what a step
    brings: towards a neuron at most g_i - a . g, away from it at most -a_i / (1 - a_i) times that. The best by this
    approximation is chosen, and the size of the step searched on the true discrepancy, within [-a_i / (1 - a_i), 1];
    where nothing is better the step has size zero.

    Args:
        output: What is to be imitated.
        width: How many neurons may have a weight; once there are so many, only these are chosen. All by default.

    Raises:
        ValueError: If the width is none from 1 to N.
    """
    count = output.group.count
    check_width(width, count)
    singles = torch.eye(count, dtype=torch.float64, device=output.targets[0].device)
    first = min(range(count), key=lambda i: output.discrepancy(singles[i]))
    a = singles[first].clone()
    yield Step(a, output.discrepancy(a), first, 1.0)
    while True:
        before, slopes = output.slopes(a)
        full = width is not None and int((a > 0).sum()) >= width
        chosen, end, slope = _promising(a, slopes - a @ slopes, full)
        size, after = _searched(output, a, chosen, end, before, slope)
        a = moved(a, chosen, size) if size else a
        yield Step(a, after, chosen, size)


def _promising(a: Tensor, slopes: Tensor, full: bool) -> tuple[int, float, float]:
    """The neuron that promises most, the end of the step's range in the direction that does, and the slope there."""
    away = torch.where((a > 0) & (a < 1), -a / (1 - a).clamp(min=torch.finfo(a.dtype).tiny), 0.0)
    towards = slopes.masked_fill(a == 0, torch.inf) if full else slopes
    one, other = int(towards.argmin()), int((slopes * away).argmin())
    if towards[one] <= slopes[other] * away[other]:
        return one, 1.0, float(slopes[one])
    return other, float(away[other]), float(slopes[other])


def _searched(output: Output, a: Tensor, chosen: int, end: float, before: float, slope: float) -> tuple[float, float]:
    """The best size of a step that was looked at, and the discrepancy there; none where it would rise.

    Each place to look at is the lowest point of the parabola that has the discrepancy and the slope where the step
    begins, and the discrepancy at the place before; the first is the end of the range.
    """
    if not slope * end < 0:
        return 0.0, before
    size, found = end, (0.0, before)
    for _ in range(EVALUATIONS):
        after = output.discrepancy(moved(a, chosen, size))
        found = min(found, (size, after), key=lambda place: place[1])
        bend = (after - before - slope * size) / size**2
        lowest = -slope / (2 * bend) if bend > 0 else end
        following = min(lowest, end) if end > 0 else max(lowest, end)
        if abs(following - size) < NEAR * abs(size):
            break
        size = following
    return found
