"""How long a network takes for a forward pass, beside another one on the same machine at the same time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, comb
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from torch import nn

from .forward import still

CONFIDENCE = 0.95
WARM_UP = 5  # passes before the first turn: memory is taken and kernels are chosen in the first
MOMENT = 1e-3  # seconds that each has in a turn at least: of several passes the median, as others use the machine too
BRIEF = 0.1  # seconds: a shorter pass feels that the caches are full of the other network
FEWEST, MOST = 6, 100  # turns: fewer than six have no interval
PATIENCE = 20  # the fewest turns may take up to so many times what was to be spent


@dataclass(frozen=True)
class Timing:
    """How long a network takes for a forward pass beside another.

    Args:
        seconds: Of a pass, the median over turns.
        beside: The same of the other network.
        ratio: The median over turns of this network's time divided by the other's in the same turn.
        low: Lower end of the 95 % interval of that median; None where there were too few turns for one.
        high: Upper end.
        turns: How often both were timed.
    """

    seconds: float
    beside: float
    ratio: float
    low: float | None
    high: float | None
    turns: int


def latency(net: nn.Module, other: nn.Module, shape: Sequence[int], batch: int, seconds: float = 0.5) -> Timing:
    """Time a network's forward pass beside another's, in evaluation mode and without gradients.

    Images are noise. Without autocast, so in the precision that the weights have; on the networks' device, which is
    waited for. The number of threads is torch's at the time.

    Args:
        net: The network or LightningModule; left as it was.
        other: What it is compared with, on the same device.
        shape: An image's (C, H, W).
        batch: How many images at once.
        seconds: About how long to measure (see `compared`).

    Raises:
        ValueError: If there is no image in a batch, or no time to measure in.
    """
    if batch < 1 or seconds <= 0:
        raise ValueError(f"latency is of 1 image or more and takes some seconds to measure, not {batch} and {seconds}")
    place = next(net.parameters())
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(batch, *shape, generator=draws, dtype=torch.float32).to(place.device, place.dtype)
    wait = (lambda: torch.cuda.synchronize(place.device)) if place.is_cuda else (lambda: None)
    with still(net), still(other), torch.inference_mode(), torch.autocast(place.device.type, enabled=False):
        return compared(lambda: net(images), lambda: other(images), seconds, wait)


def compared(
    one: Callable[[], object],
    other: Callable[[], object],
    seconds: float = 0.5,
    wait: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = perf_counter,
) -> Timing:
    """Time two things in turns, so that a machine whose speed drifts slows both alike.

    A turn is a pass of the one and of the other, or of short ones the median of as many as a millisecond has room for;
    who is first changes from turn to turn. The interval of the median ratio is of order statistics: it takes turns to
    be independent, and no more.

    Args:
        one: A pass of what is timed.
        other: A pass of what it is compared with.
        seconds: How long to make turns, up to a hundred. There are at least six, unless these take 20 times as long;
            then as many as do not, or a single one.
        wait: Waits until what was begun is done.
        clock: Tells the time in seconds.
    """

    def timed(run: Callable[[], object]) -> float:
        wait()
        begun = clock()
        run()
        wait()
        return clock() - begun

    passes = (one, other)
    alone = [_warmed(partial(timed, run), seconds) for run in passes]
    counts = [max(1, ceil(MOMENT / max(each, 1e-9))) for each in alone]
    found: list[list[float]] = [[], []]
    begun = clock()
    while goes_on(len(found[0]), clock() - begun, seconds):
        for index in (0, 1) if len(found[0]) % 2 else (1, 0):
            if alone[index] < BRIEF:
                passes[index]()
            found[index].append(median(timed(passes[index]) for _ in range(counts[index])))
    ratios = [a / b for a, b in zip(*found, strict=True)]
    low, high = median_interval(ratios) or (None, None)
    return Timing(median(found[0]), median(found[1]), median(ratios), low, high, len(ratios))


def _warmed(timed: Callable[[], float], seconds: float) -> float:
    """The shortest of a few passes; fewer where these are long."""
    taken: list[float] = []
    while len(taken) < WARM_UP and sum(taken) <= seconds:
        taken.append(timed())
    return min(taken)


def goes_on(turns: int, spent: float, seconds: float) -> bool:
    """Whether there is to be another turn.

    Args:
        turns: How many there were.
        spent: Seconds that they took.
        seconds: What is to be spent.

    Example:
        >>> goes_on(50, 0.4, 0.5), goes_on(50, 0.6, 0.5), goes_on(4, 0.6, 0.5), goes_on(4, 11, 0.5), goes_on(100, 0, 1)
        (True, False, True, False, False)
    """
    return turns == 0 or (turns < MOST and spent < (PATIENCE if turns < FEWEST else 1) * seconds)


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """An interval of the median of what values are drawn from, whatever their distribution: two of them, by rank.

    Each of n independent values lies below the median by chance 1/2, so the k smallest and the k largest may be left
    out if a binomial count of n is below k by a chance of at most half of 1 - confidence.

    Args:
        values: (n,).
        confidence: How often such intervals hold the median, at least.

    Returns:
        Its ends; None where there are too few values.

    Example:
        >>> median_interval([5, 1, 4, 2, 6, 3]), median_interval([1, 2, 3, 4, 5])
        ((1, 6), None)
    """
    n, ordered, below, rank = len(values), sorted(values), 0, 0
    while (below := below + comb(n, rank)) <= (1 - confidence) / 2 * 2**n:
        rank += 1
    return (ordered[rank - 1], ordered[n - rank]) if rank else None


def processor(device: torch.device) -> str:
    """What a device is called, such as 'NVIDIA H100' or 'AMD EPYC'; of a CPU where /proc/cpuinfo tells."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
