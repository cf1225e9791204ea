"""Criteria of which several devices each do a part: threads that add up what each has."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import pytest
import torch
from foreign import Batches, Foreign
from torch import Tensor

from lth_lightning.sparsity import SNIP, AtInit, GraSP, Mask, Now, Part, Prunable, RigL, Sample, Uniform
from lth_lightning.sparsity.allocation import Scores
from lth_lightning.sparsity.moments import Clock

COUNT = 5
Score = Callable[["Net", Mask, "Divided"], Scores]


class Net(Foreign):
    """Counts what it is asked, in double precision, so that the order of a sum does not show."""

    def __init__(self) -> None:
        super().__init__()
        self.double()
        self.asked = 0

    def forward(self, images: Tensor) -> Tensor:
        self.asked += 1
        return super().forward(images)


@dataclass(frozen=True)
class Divided:
    """The same batches for every device, of sizes of their own, each with its part."""

    part: Part

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter([(x[: 6 - n], y[: 6 - n]) for n, (x, y) in enumerate(Batches(COUNT).batches)])


def rigl(net: Net, mask: Mask, batches: Divided) -> Scores:
    policy = RigL(AtInit(0.5, allocation=Uniform()), variant="after_step", sample=Sample(None, COUNT))
    return policy.growth(net, mask, Now(1, Clock(10, 5), draw=lambda sample: batches, decay={"body.0.weight": 0.1}))


def on_devices(score: Score, devices: int) -> list[tuple[Scores, int]]:
    """What each of them comes to, and how often it asked its network."""
    meeting, brought = Barrier(devices), [list[Tensor]() for _ in range(devices)]
    nets = [Net() for _ in range(devices)]

    def device(place: int) -> tuple[Scores, int]:
        def add(sums: Sequence[Tensor]) -> None:
            brought[place] = [each.clone() for each in sums]
            meeting.wait()
            for each, parts in zip(sums, zip(*brought, strict=True), strict=True):
                each.copy_(torch.stack(parts).sum(0))
            meeting.wait()

        net = nets[place]
        mask = Mask.dense(dict(Prunable()(net)))
        mask["body.4.weight"][0] = False
        return score(net, mask, Divided(Part(place, devices, add))), net.asked

    with ThreadPoolExecutor(devices) as pool:
        return list(pool.map(device, range(devices)))


@pytest.mark.parametrize(("score", "passes"), [(SNIP(), 1), (GraSP(), 4), (rigl, 1)], ids=["SNIP", "GraSP", "RigL"])
@pytest.mark.parametrize("devices", [2, 3, 7])
def test_devices_score_their_share_of_the_batches_and_come_to_what_one_comes_to(
    score: Score, passes: int, devices: int
) -> None:
    ((alone, asked),) = on_devices(score, 1)
    assert asked == passes * COUNT
    found = on_devices(score, devices)
    assert sum(times for _, times in found) == asked
    assert max(times for _, times in found) <= passes * -(-COUNT // devices) + (passes > 1)
    for scores, _ in found:
        torch.testing.assert_close(dict(scores), dict(alone), rtol=1e-12, atol=1e-15)
