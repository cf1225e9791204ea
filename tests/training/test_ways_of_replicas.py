"""What the benchmark of replicas compares are ways to compute the same."""

import pytest
import torch
from torch import Tensor

from benchmarks.replicated import WAYS
from lth_lightning.models import CIFARResNet
from lth_lightning.training.replicas import Outcome


def outcome(way: str, count: int) -> tuple[Outcome, list[Tensor]]:
    """Of a step of networks with strides, shortcuts and batch norm; and the statistics that it leaves, by network."""
    nets = [CIFARResNet(8, width=0.25).double() for _ in range(count)]
    for seed, net in enumerate(nets):
        torch.manual_seed(seed)
        for parameter in net.parameters():
            parameter.data.normal_(std=0.3)
    step, moved = WAYS[way](nets)
    images, labels = torch.randn(count, 6, 3, 8, 8).double(), torch.arange(6).repeat(count, 1)
    buffers = [each.clone() for each in moved]
    made = step(images, labels)
    assert any(not torch.equal(before, after) for before, after in zip(buffers, moved, strict=True))
    return made, moved


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("way", [name for name in WAYS if name != "in turn"])
def test_every_way_gives_the_logits_losses_gradients_and_statistics_of_each_alone(way: str, count: int) -> None:
    (found, moved), (alone, kept) = outcome(way, count), outcome("in turn", count)
    torch.testing.assert_close(found.logits, alone.logits)
    torch.testing.assert_close(found.losses, alone.losses)
    torch.testing.assert_close([*found.gradients], [*alone.gradients])
    if way in ("grouped", "products"):  # of which the statistics are stacked
        moved = [each[number] for number in range(count) for each in moved]
    torch.testing.assert_close(moved, kept)
