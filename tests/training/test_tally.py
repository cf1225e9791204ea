import pytest
import torch
from torch.nn.functional import cross_entropy

from lth_lightning.sparsity import generator
from lth_lightning.training.tally import Tally


@pytest.mark.parametrize(("samples", "classes", "size"), [(60, 10, 7), (700, 1000, 64), (300, 1000, 300)])
def test_however_many_logits_wait_to_be_counted_the_means_are_those_of_all_samples(
    samples: int, classes: int, size: int
) -> None:
    logits = torch.randn(samples, classes, generator=generator("logits"))
    labels = logits.argmax(1).where(torch.arange(samples) % 3 > 0, 0)
    tally = Tally()
    for part, answers in zip(logits.split(size), labels.split(size), strict=True):
        tally.update(part, answers, cross_entropy(part, answers))
    means = tally.compute()
    assert means["accuracy"].item() == pytest.approx((logits.argmax(1) == labels).double().mean().item())
    assert means["loss"].item() == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-5)


def test_what_was_not_counted_yet_is_forgotten_too() -> None:
    tally = Tally()
    tally.update(torch.eye(3), torch.zeros(3, dtype=torch.long), torch.tensor(1.0))
    tally.reset()
    tally.update(torch.eye(3), torch.arange(3), torch.tensor(0.5))
    assert tally.compute() == {"loss": 0.5, "accuracy": 1}


def test_sums_continue_where_they_were() -> None:
    whole, first, second = Tally(), Tally(), Tally()
    for tally in (whole, first):
        tally.update(torch.eye(4), torch.tensor([0, 1, 0, 0]), torch.tensor(2.0))
    second.restore(first.sums())
    for tally in (whole, second):
        tally.update(torch.eye(4)[:2], torch.tensor([0, 1]), torch.tensor(1.0))
    assert second.compute() == whole.compute() == {"loss": torch.tensor(10 / 6), "accuracy": torch.tensor(4 / 6)}


def test_a_later_batch_does_not_change_sums_that_were_given_away() -> None:
    tally = Tally()
    tally.update(torch.eye(2), torch.arange(2), torch.tensor(1.0))
    sums = tally.sums()
    tally.update(torch.eye(2), torch.arange(2), torch.tensor(1.0))
    assert {name: value.item() for name, value in sums.items()} == {"loss": 2, "hits": 2, "samples": 2}
