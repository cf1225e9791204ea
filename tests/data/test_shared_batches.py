"""Several processes share each batch that one process would have."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from folders import two_classes
from torch import Tensor

from lth_lightning.data import Digits, Folder
from lth_lightning.data.files import FileLoader
from lth_lightning.data.loader import InMemoryLoader

Loader = InMemoryLoader | FileLoader
DIGITS = partial(Digits, batch_size=24, eval_batch_size=5, subset=140, augment=True, pad=1, flip=True)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 24 training and 4 test images."""
    return two_classes(tmp_path_factory.mktemp("pictures"), train=24, val=4)


@pytest.fixture(params=["in memory", "files"])
def data(request: pytest.FixtureRequest, pictures: Path) -> Callable[[], Digits | Folder]:
    if request.param == "in memory":
        return DIGITS
    return partial(Folder, str(pictures), batch_size=12, eval_batch_size=5, size=7, workers=0, validation=0.3)


def share(loader: Loader, rank: int, ranks: int, epoch: int = 1) -> list[tuple[Tensor, Tensor]]:
    loader.divide(rank, ranks)
    loader.set_epoch(epoch)
    return list(loader)


def together(shares: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """What several processes have of a batch, dealt out in turn."""
    images, labels = (torch.cat(each) for each in zip(*shares, strict=True))
    places = torch.cat([torch.arange(len(y)) * len(shares) + rank for rank, (_, y) in enumerate(shares)])
    assert sorted(places.tolist()) == list(range(len(labels))), "each place of the batch once"
    return images[places.argsort()], labels[places.argsort()]


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_the_shares_of_a_batch_are_the_batch_of_one_process(data: Callable[[], Digits | Folder], ranks: int) -> None:
    alone = share(data().train_dataloader(), 0, 1)
    shares = [share(data().train_dataloader(), rank, ranks) for rank in range(ranks)]
    assert {len(each) for each in shares} == {len(alone)}
    assert len(alone[-1][1]) < len(alone[0][1]), "the last is not full"
    for batch, *parts in zip(alone, *shares, strict=True):
        assert max(len(y) for _, y in parts) - min(len(y) for _, y in parts) <= 1
        for found, expected in zip(together(parts), batch, strict=True):
            assert torch.equal(found, expected)


def test_a_share_goes_on_where_it_was_cut(data: Callable[[], Digits | Folder]) -> None:
    whole = share(data().train_dataloader(), 1, 2)
    (cut := data().train_dataloader()).divide(1, 2)
    cut.load_state_dict({"epoch": 1, "batch": 2})
    rest = list(cut)
    assert len(rest) == len(whole) - 2 > 0
    for found, expected in zip(rest, whole[2:], strict=True):
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_all_evaluate_equally_many_batches_and_each_image_once(data: Callable[[], Digits | Folder], ranks: int) -> None:
    loaders = [data().val_dataloader() for _ in range(ranks)]
    assert all(isinstance(loader, Loader) for loader in loaders)
    shares = [share(loader, rank, ranks) for rank, loader in enumerate(loaders)]
    assert len({len(each) for each in shares}) == 1
    one = share(data().val_dataloader(), 0, 1)
    expected = torch.cat([images for images, _ in one])
    found = torch.cat([images for batches in zip(*shares, strict=True) for images, _ in batches])
    assert sorted(x.sum().item() for x in found) == sorted(x.sum().item() for x in expected)


def test_one_of_three_has_none_of_the_last_image() -> None:
    loaders = [Digits(subset=140, eval_batch_size=12).val_dataloader() for _ in range(3)]
    last = [share(loader, rank, 3)[-1] for rank, loader in enumerate(loaders)]
    assert loaders[0].samples == 14
    assert [x.shape for x, _ in last] == [(1, 1, 8, 8), (1, 1, 8, 8), (0, 1, 8, 8)]


@pytest.mark.parametrize(("batch_size", "ranks"), [(15, 2), (25, 5), (125, 5)])
def test_what_cannot_be_shared_is_refused_in_a_sentence(batch_size: int, ranks: int) -> None:
    loader = DIGITS(batch_size=batch_size).train_dataloader()
    with pytest.raises(ValueError, match=rf"126 images in batches of {batch_size} cannot be shared by {ranks} devices"):
        loader.divide(0, ranks)
