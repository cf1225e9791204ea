"""Processes that train one network together: what each must know of the others."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..sparsity import ALONE, Part


@cache
def _group() -> Any:
    """Of their CPUs, which then need not wait for their GPUs to agree; patient, as one may do for hours what is its."""
    return dist.new_group(backend="gloo", timeout=timedelta(days=30))


def together() -> bool:
    """Whether this is one of several processes that train together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def largest(number: int) -> int:
    """The largest number that a process has, for all of them to do the same; to be asked by all."""
    if not together():
        return number
    dist.all_reduce(agreed := torch.tensor(number), dist.ReduceOp.MAX, group=_group())
    return int(agreed)


def told(what: Any = None) -> Any:
    """What the first process has to say to all others, which wait for it: plain objects, with tensors of the CPU."""
    dist.broadcast_object_list(said := [what], group=_group())
    return said[0]


def part() -> Part:
    """Which batches are for this process, where each takes some of them and all want the sum."""
    return Part(dist.get_rank(), dist.get_world_size(), _add) if together() else ALONE


def _add(sums: Sequence[Tensor]) -> None:
    for each in sums:
        dist.all_reduce(each)


def weighted(loss: Tensor, count: int) -> Tensor:
    """The mean loss of a share of a batch, weighted so that its mean over the processes is that of the whole batch.

    Gradients are averaged over processes as if all had the same number of images, and of a last batch they have not.

    Args:
        loss: () mean loss of this process's images.
        count: How many these are.
    """
    if not together():
        return loss
    dist.all_reduce(images := torch.tensor(float(count), device=loss.device))
    return loss * (count * dist.get_world_size() / images)
