import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lth_lightning.data.augment import CropFlip
from lth_lightning.data.draws import generator
from lth_lightning.data.loader import InMemoryLoader

COUNT = 53
MEAN, STD = torch.tensor([0.25], dtype=torch.float64), torch.tensor([0.5], dtype=torch.float64)
IMAGES = torch.randint(0, 256, (COUNT, 1, 6, 5), generator=generator("test", 0), dtype=torch.uint8)
NUMBERS = torch.arange(COUNT)  # as labels, they tell which sample is which


def loader(batch_size: int = 8, **options: object) -> InMemoryLoader:
    return InMemoryLoader(IMAGES, NUMBERS, MEAN, STD, batch_size, **({"order_seed": 0} | options))


def epoch(of: InMemoryLoader, number: int) -> list[tuple[Tensor, Tensor]]:
    of.set_epoch(number)
    return list(of)


def order(of: InMemoryLoader, number: int) -> list[int]:
    return torch.cat([labels for _, labels in epoch(of, number)]).tolist()


def by_sample(of: InMemoryLoader, number: int) -> Tensor:
    """The images of an epoch, sorted by sample."""
    images, labels = (torch.cat(parts) for parts in zip(*epoch(of, number), strict=True))
    return images[labels.argsort()]


def same(first: list[tuple[Tensor, Tensor]], second: list[tuple[Tensor, Tensor]]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(x, u) and torch.equal(y, v) for (x, y), (u, v) in zip(first, second, strict=True)
    )


@given(st.integers(1, 60), st.integers(0, 2**63), st.integers(0, 1000), st.booleans())
def test_an_epoch_is_a_permutation(batch_size: int, seed: int, number: int, augmented: bool) -> None:
    tested = loader(batch_size, order_seed=seed, augment=CropFlip() if augmented else None)
    batches = epoch(tested, number)
    assert len(batches) == len(tested) == -(-COUNT // batch_size)
    assert [len(labels) for _, labels in batches][:-1] == [batch_size] * (len(batches) - 1)
    assert sorted(torch.cat([labels for _, labels in batches]).tolist()) == list(range(COUNT))


@given(st.integers(1, COUNT))
def test_only_full_batches_are_kept_on_request(batch_size: int) -> None:
    tested = loader(batch_size, drop_last=True)
    assert [len(x) for x, _ in tested] == [batch_size] * (COUNT // batch_size) == [batch_size] * len(tested)


def test_no_batch_at_all_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="batches of 54 leave no full batch of 53 images"):
        loader(54, drop_last=True)


def test_images_are_normalised_and_keep_their_labels() -> None:
    expected = (IMAGES.double() / 255 - 0.25) / 0.5
    torch.testing.assert_close(by_sample(loader(), 3), expected.float())


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    orders = {(seed, number): order(loader(order_seed=seed), number) for seed in range(3) for number in range(3)}
    assert len({tuple(found) for found in orders.values()}) == 9
    used = loader(7, order_seed=1, augment=CropFlip(seed=5))
    next(iter(used))
    for number in (2, 0, 2, 1):
        assert order(used, number) == orders[1, number]


def test_without_a_seed_the_order_is_kept() -> None:
    assert order(loader(order_seed=None), 4) == list(range(COUNT))


def test_the_augmentation_of_a_sample_depends_on_seed_and_epoch_only() -> None:
    wanted = by_sample(loader(8, augment=CropFlip(seed=1)), 2)
    used = loader(5, order_seed=9, augment=CropFlip(seed=1))
    by_sample(used, 0)
    assert torch.equal(by_sample(used, 2), wanted)
    assert torch.equal(by_sample(loader(order_seed=None, augment=CropFlip(seed=1)), 2), wanted)
    assert not torch.equal(by_sample(used, 1), wanted)
    assert not torch.equal(by_sample(loader(augment=CropFlip(seed=2)), 2), wanted)


def test_the_augmentation_seed_does_not_change_the_order() -> None:
    assert order(loader(augment=CropFlip(seed=1)), 1) == order(loader(augment=CropFlip(seed=2)), 1)


def test_an_augmented_image_is_what_the_draws_say() -> None:
    augment = CropFlip(pad=2, seed=3)
    expected = (augment.apply(IMAGES, augment.draw(COUNT, 6)).double() / 255 - 0.25) / 0.5
    torch.testing.assert_close(by_sample(loader(augment=augment), 6), expected.float())


def test_the_same_batches_come_from_small_and_large_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    together = epoch(loader(8, augment=CropFlip()), 1)
    monkeypatch.setattr(InMemoryLoader, "_batches_at_once", lambda self: 1)
    assert same(epoch(loader(8, augment=CropFlip()), 1), together)


@given(st.integers(0, 6), st.integers(0, 5), st.integers(0, 5))
def test_resuming_yields_exactly_the_rest(stop: int, number: int, before: int) -> None:
    used = loader(8, augment=CropFlip())
    epoch(used, before)
    used.set_epoch(number)
    batches = iter(used)
    seen = [next(batches) for _ in range(stop)]
    state = used.state_dict()
    assert state == {"epoch": number, "batch": stop}

    fresh = loader(8, augment=CropFlip())
    fresh.load_state_dict(state)
    assert fresh.state_dict() == state
    iter(fresh)  # Lightning makes an iterator that it never uses, and one before it sets the epoch
    batches = iter(fresh)
    fresh.set_epoch(number)
    assert same(seen + list(batches), epoch(used, number))
    assert same(list(fresh), epoch(used, number)), "resuming happens once"
    assert same(epoch(fresh, number + 1), epoch(used, number + 1))


def test_a_complete_epoch_is_at_batch_zero() -> None:
    tested = loader(8)
    batches = iter(tested)
    for _ in range(len(tested)):  # not to the end of the iterator: Lightning knows the length and stops there
        next(batches)
    assert tested.state_dict() == {"epoch": 0, "batch": 0}


def test_a_state_of_another_epoch_has_no_effect() -> None:
    tested = loader(8)
    tested.load_state_dict({"epoch": 3, "batch": 4})
    assert same(epoch(tested, 4), epoch(loader(8), 4))


def test_a_state_that_does_not_fit_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"stopped at batch 7 of an epoch, but this loader's epochs have 7 batches"):
        loader(8).load_state_dict({"epoch": 0, "batch": 7})


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    epoch(loader(augment=CropFlip()), 1)
    assert torch.equal(torch.get_rng_state(), before)
    first = epoch(loader(augment=CropFlip()), 1)
    torch.rand(1)
    assert same(epoch(loader(augment=CropFlip()), 1), first)


def test_a_stream_is_the_same_in_every_process() -> None:
    # Written down once: another value would mean that old runs can no longer be repeated.
    assert torch.randperm(8, generator=generator("order", 1, 2)).tolist() == [2, 3, 0, 4, 7, 5, 1, 6]


def test_neighbouring_streams_are_unrelated() -> None:
    draws = torch.stack(
        [
            torch.rand(5000, generator=generator(stream, seed, number))
            for stream in ("order", "crop")
            for seed in (0, 1)
            for number in (0, 1)
        ]
    )
    assert (draws.corrcoef() - torch.eye(8)).abs().max() < 0.07
    assert len({row.numpy().tobytes() for row in draws}) == 8
    assert all(not torch.equal(a, b) for a, b in pairwise(draws))


@pytest.mark.slow
def test_the_loader_does_without_lightning() -> None:
    code = "import sys, lth_lightning.data.loader as m; sys.exit(any(n.startswith('lightning') for n in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.gpu
def test_the_gpu_yields_the_same_batches() -> None:
    here = loader(8, augment=CropFlip())
    there = InMemoryLoader(IMAGES.cuda(), NUMBERS.cuda(), MEAN, STD, 8, order_seed=0, augment=CropFlip())
    assert same(epoch(here, 2), [(x.cpu(), y.cpu()) for x, y in epoch(there, 2)])


def test_it_says_what_pixels_are_times_and_plus() -> None:
    of = loader(COUNT, order_seed=None)
    (images, _), pixels = next(iter(of)), of.pixels
    scale, shift = (torch.tensor(pixels[name]).view(-1, 1, 1) for name in ("scale", "shift"))
    by_hand = IMAGES.float() * scale + shift
    torch.testing.assert_close(images, by_hand)
    each = MEAN.expand(COUNT, 1), STD.expand(COUNT, 1)
    assert InMemoryLoader(IMAGES, NUMBERS, *each, 8).pixels == {}
