"""What a criterion sees of the data: as many images of each class, from a fresh loader."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

from lth_lightning.data import Digits
from lth_lightning.sparsity import Sample
from lth_lightning.training import Drawn, Epochs
from lth_lightning.training.sampling import by_class


class Foreign(LightningDataModule):
    """Torch's own loader, shuffled by the global random state; classes are not told."""

    def train_dataloader(self) -> Any:
        images = torch.arange(60.0).view(60, 1)
        return DataLoader(TensorDataset(images, (images[:, 0] % 4).long()), batch_size=7, shuffle=True)


def digits(**options: Any) -> Digits:
    return Digits(batch_size=32, **options)


@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 40), st.integers(0, 99))
def test_every_batch_has_the_number_of_each_class_asked_for_in_the_loaders_order(
    per_class: int, batches: int, size: int, seed: int
) -> None:
    order = torch.randperm(90, generator=torch.Generator().manual_seed(seed))
    images, labels = order.float(), order % 5
    loader = [(images[i : i + size], labels[i : i + size]) for i in range(0, 90, size)]
    found = by_class(iter(loader), per_class, batches, 5)
    turns = {label: [int(image) for image in order if image % 5 == label] for label in range(5)}
    assert len(found) == batches
    for number, (chosen, classes) in enumerate(found):
        expected = {i for turn in turns.values() for i in turn[number * per_class : (number + 1) * per_class]}
        assert chosen.tolist() == [float(i) for i in order if int(i) in expected]
        assert torch.equal(classes, chosen.long() % 5)
        assert classes.bincount(minlength=5).tolist() == [per_class] * 5


def test_no_more_is_read_than_is_needed() -> None:
    def endless() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            yield torch.zeros(10, 1), torch.arange(10)

    ((_, labels),) = by_class(endless(), 3, 1, 10)
    assert labels.bincount().tolist() == [3] * 10


@pytest.mark.parametrize(
    "data", [digits(), digits(augment=True, pad=1), Foreign()], ids=["plain", "augmented", "torch"]
)
def test_a_sample_is_the_same_every_time_and_the_random_state_stays(data: LightningDataModule) -> None:
    drawn = Drawn(data, Sample(per_class=5, batches=2))
    before = torch.get_rng_state()
    first = list(drawn)
    assert torch.equal(torch.get_rng_state(), before)
    torch.randn(3)
    assert all(
        torch.equal(a, b) for one, other in zip(first, drawn, strict=True) for a, b in zip(one, other, strict=True)
    )
    assert [len(labels) for _, labels in first] == ([20, 20] if isinstance(data, Foreign) else [50, 50])
    assert not torch.equal(first[0][0], first[1][0])


def test_the_loader_in_training_stays_where_it_is() -> None:
    data = digits()
    loader, again = data.train_dataloader(), data.train_dataloader()
    batches, expected = iter(loader), list(again)
    next(batches)
    list(Drawn(data, Sample()))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(batches, expected[1:], strict=True))


def test_without_a_number_per_class_the_first_batches_are_taken_as_they_come() -> None:
    data = digits()
    taken, all_of_them = list(Drawn(data, Sample(per_class=None, batches=3))), list(data.train_dataloader())
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(taken, all_of_them[:3], strict=True))


def test_the_images_held_out_are_never_looked_at() -> None:
    data = digits(validation=0.5)
    held_out = {image.numpy().tobytes() for images, _ in data.val_dataloader() for image in images}
    trained = {image.numpy().tobytes() for images, _ in data.train_dataloader() for image in images}
    for images, _ in Drawn(data, Sample(per_class=20)):
        seen = {image.numpy().tobytes() for image in images}
        assert seen <= trained
        assert not seen & (held_out - trained)


def test_random_labels_are_what_the_classes_are_told_by() -> None:
    (images, labels), *rest = Drawn(digits(random_labels=True), Sample(per_class=10))
    assert rest == []
    assert labels.bincount(minlength=10).tolist() == [10] * 10
    assert len(images) == 100


@pytest.mark.parametrize(
    ("data", "sample", "words"),
    [
        (digits(subset=60), Sample(per_class=50), r"50 images of each class, but class \d has \d: lower sample"),
        (Foreign(), Sample(per_class=8, batches=2), r"16 images of each class, but class \d has 15"),
        (None, Sample(), "no data module"),
    ],
)
def test_too_few_images_are_told_by_class(data: Any, sample: Sample, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(Drawn(data, sample))


def test_epochs_are_those_of_a_training_each_with_all_images_in_another_order() -> None:
    data = Digits(batch_size=64, subset=200)
    loader, epochs = data.train_dataloader(), Epochs(data)
    found = []
    for number in range(2):
        loader.set_epoch(number)
        own = list(epochs)
        for (images, labels), (same, also) in zip(own, loader, strict=True):
            assert torch.equal(images, same)
            assert torch.equal(labels, also)
        found.append(torch.cat([labels for _, labels in own]))
    assert not torch.equal(*found)
    assert torch.equal(found[0].bincount(), found[1].bincount())


def test_epochs_of_any_loader_are_the_same_whenever_they_are_read() -> None:
    class Shuffled(LightningDataModule):
        def train_dataloader(self) -> DataLoader[Any]:
            return DataLoader(TensorDataset(torch.arange(20), torch.arange(20)), batch_size=5, shuffle=True)

    def read(epochs: Epochs) -> list[list[int]]:
        return [[value for _, labels in epochs for value in labels.tolist()] for _ in range(2)]

    first = read(Epochs(Shuffled()))
    torch.rand(3)
    assert read(Epochs(Shuffled())) == first
    assert first[0] != first[1]
