"""How many networks to train at once: measured."""

from collections.abc import Callable, Iterable

from lightning.pytorch import Trainer

from .classifier import Batch, Classifier
from .group import Group
from .timing import now

ENOUGH = 0.95  # of the most images a second: more replicas take more memory, and change less than the next measurement
WARM_UPS, SECONDS = 3, 0.3


def fitting(seconds_of: Callable[[int], float], counts: Iterable[int]) -> int:
    """The fewest replicas that get nearly as many steps done in a second as any number that is tried.

    Args:
        seconds_of: How long a step of so many replicas takes; a RuntimeError says that they do not go together, or do
            not fit into memory.
        counts: What to try, ascending; the first that does not go is the last that is tried.

    Returns:
        1 if nothing else goes.

    Example:
        >>> fitting({1: 4.0, 2: 4.2, 4: 5.0, 8: 9.9, 16: 21.0}.__getitem__, [1, 2, 4, 8, 16])
        4
    """
    rates: dict[int, float] = {}
    for count in counts:
        try:
            rates[count] = count / seconds_of(count)
        except RuntimeError:
            break
    return min((count for count, rate in rates.items() if rate >= ENOUGH * max(rates.values())), default=1)


def seconds_of_step(classifier: Classifier, trainer: Trainer, batch: Batch, count: int) -> float:
    """How long the step of so many replicas takes: forward, backward and gradients of all of them.

    Args:
        classifier: Of which they are replicas, on the device that trains.
        trainer: Whose precision they have.
        batch: Of each, on the device.
        count: How many.

    Raises:
        RuntimeError: If they cannot step together, or do not fit into memory.
    """
    group = Group(classifier, trainer, count)
    batches = dict.fromkeys(range(count), batch)
    for _ in range(WARM_UPS):
        group.step(batches)
    device, steps = batch[0].device, 0
    begun = now(device)
    while (taken := now(device) - begun) < SECONDS:
        group.step(batches)
        steps += 1
    return taken / steps
