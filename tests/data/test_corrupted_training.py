"""What of a data module is corrupted, and that nothing else is."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import torch

from lth_lightning.data import ArrayDataModule, Arrays, Digits, InMemoryLoader
from lth_lightning.data.corruption import random_labels, shuffled_pixels
from lth_lightning.data.splits import split

BOTH = {"random_labels": True, "shuffle_pixels": True}
ALL = BOTH | {"train_share": 0.5}


def rng_images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 6, 5, 3), dtype=np.uint8)


COLOUR = Arrays(rng_images(90), np.arange(90) % 3, rng_images(30), np.arange(30) % 3)


class Colour(ArrayDataModule):
    """Small colour images."""

    def load(self) -> Arrays:
        return COLOUR


def epoch(loader: Any) -> tuple[bytes, list[int]]:
    """What a loader yields, to compare."""
    images, labels = zip(*loader, strict=True)
    return torch.cat(images).numpy().tobytes(), torch.cat(labels).tolist()


def channels_last(loader: InMemoryLoader) -> np.ndarray:
    return loader.images.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("options", [{"subset": 60}, {"validation": 0.3}, {"split_seed": 3}, {"train_share": 0.5}])
def test_an_image_is_corrupted_alike_in_every_subset_split_and_share(options: dict[str, Any]) -> None:
    every = np.arange(90)
    pixels, labels = shuffled_pixels(COLOUR.train_images, every, 2), random_labels(90, 3, 2)
    number = {image.tobytes(): index for index, image in enumerate(pixels)}
    loader = Colour(**BOTH, corruption_seed=2, **options).train_dataloader()
    found = [number[image.tobytes()] for image in channels_last(loader)]
    assert loader.labels.tolist() == labels[found].tolist()
    chosen = split(COLOUR, options.get("subset"), options.get("validation", 0.1), options.get("split_seed", 0)).train
    assert len(found) == len(set(found)) == round(options.get("train_share", 1) * len(chosen))
    assert set(found) <= set(chosen.tolist())


@pytest.mark.parametrize("options", [BOTH, {"train_share": 0.3}, ALL, ALL | {"corruption_seed": 1}], ids=str)
def test_what_is_held_out_and_tested_on_stays_as_it_is(options: dict[str, Any]) -> None:
    clean, corrupted = Colour(validation=0.2), Colour(validation=0.2, **options)
    assert (corrupted.num_val, corrupted.num_test) == (clean.num_val, clean.num_test) == (18, 30)
    for part in ("val", "test", "predict"):
        of_clean, of_corrupted = (getattr(data, f"{part}_dataloader")() for data in (clean, corrupted))
        assert epoch(of_clean) == epoch(of_corrupted)


def test_pixels_are_shuffled_across_channels_and_normalised_as_clean_ones() -> None:
    clean, shuffled = (Colour(shuffle_pixels=on).train_dataloader() for on in (False, True))
    flat = (loader.images.flatten(1).sort(1).values for loader in (clean, shuffled))
    assert torch.equal(*flat)
    by_channel = (loader.images.flatten(2).sort(2).values for loader in (clean, shuffled))
    assert not torch.equal(*by_channel)
    assert torch.equal(clean._scale, shuffled._scale)
    assert torch.equal(clean._shift, shuffled._shift)


def test_corrupted_images_come_in_the_order_and_with_the_crops_of_clean_ones() -> None:
    options = {"augment": True, "pad": 2, "flip": True, "order_seed": 3, "augment_seed": 4, "batch_size": 16}
    corrupted = Colour(**options, **BOTH).train_dataloader()
    plain = Colour(**options).train_dataloader()
    for number in (0, 1):
        for loader in (corrupted, plain):
            loader.set_epoch(number)
        # Clean batches of images that were corrupted beforehand: the same draws, after the corruption.
        plain.images, plain.labels = corrupted.images, corrupted.labels
        assert epoch(corrupted) == epoch(plain)


def test_labels_are_replaced_by_chance_and_images_stay() -> None:
    clean, replaced = Digits().train_dataloader(), Digits(random_labels=True).train_dataloader()
    assert torch.equal(clean.images, replaced.images)
    kept = (clean.labels == replaced.labels).sum().item()
    assert abs(kept - 126) < 5 * 10.6  # binomial(1260, 1/10)


def test_a_share_of_each_class_is_trained_on_whatever_else_is_corrupted() -> None:
    half, clean = Digits(train_share=0.5), Digits()
    assert half.num_train == 630 == len(half.train_dataloader().labels)
    counts = [data.train_dataloader().labels.bincount() for data in (half, clean)]
    assert abs(2 * counts[0] - counts[1]).max() <= 2
    both = Digits(train_share=0.5, random_labels=True).train_dataloader()
    assert torch.equal(both.images, half.train_dataloader().images)
    other = Digits(train_share=0.5, corruption_seed=1).train_dataloader()
    assert not torch.equal(other.images, both.images)


@pytest.mark.parametrize("options", [{"random_labels": True}, {"shuffle_pixels": True}, {"train_share": 0.4}, ALL])
def test_an_attribute_set_later_is_as_good_as_an_argument(options: dict[str, Any]) -> None:
    given, changed = Colour(**options, corruption_seed=5), Colour()
    assert (changed.num_train, changed.num_val) == (81, 9)  # what has been asked for before must not matter
    for name, value in (options | {"corruption_seed": 5}).items():
        setattr(changed, name, value)
    assert changed.num_train == given.num_train
    assert changed.describe() == given.describe()
    assert epoch(changed.train_dataloader()) == epoch(given.train_dataloader()) != epoch(Colour().train_dataloader())


def test_data_modules_of_one_data_set_do_not_disturb_each_other() -> None:
    corruptions = [{}, {"random_labels": True}, {"shuffle_pixels": True}, {"train_share": 0.5}, ALL]
    corruptions += [chosen | {"corruption_seed": 1} for chosen in corruptions[1:]]
    alone = [epoch(Colour(**chosen).train_dataloader()) for chosen in corruptions]
    assert all(alone.count(one) == 1 for one in alone)
    made = [Colour() for _ in corruptions]
    for data, chosen in zip(made, corruptions, strict=True):
        for name, value in chosen.items():
            setattr(data, name, value)
    loaders = [data.train_dataloader() for data in reversed(made)]
    assert [epoch(loader) for loader in reversed(loaders)] == alone


def test_clean_and_corrupted_images_are_shared_and_only_two_kinds_of_them_are_kept() -> None:
    clean = Colour().train_dataloader()
    corrupted = Colour(**BOTH).train_dataloader()
    assert Colour(corruption_seed=9).train_dataloader().images is clean.images
    assert Colour(**BOTH, order_seed=1).train_dataloader().images is corrupted.images
    assert Colour(**BOTH).val_dataloader().images is Colour().val_dataloader().images  # type: ignore[union-attr]
    alive = [weakref.ref(Colour(**BOTH, corruption_seed=seed).train_dataloader().images) for seed in range(1, 8)]
    del clean, corrupted
    gc.collect()
    assert sum(images() is not None for images in alive) <= 2


def test_the_data_set_itself_is_never_changed() -> None:
    before = COLOUR.train_images.tobytes(), COLOUR.train_labels.tobytes()
    list(Colour(**ALL).train_dataloader())
    assert (COLOUR.train_images.tobytes(), COLOUR.train_labels.tobytes()) == before


def test_corrupted_data_says_so() -> None:
    described = Digits(**ALL).describe()
    assert described.startswith("Digits: 630 training, 140 validation and 397 test images of 1x8x8 in 10 classes, ")
    assert ", random labels, shuffled pixels, 50 % of the training images, in batches of 128" in described
    assert ", not augmented, shuffled pixels, in batches" in Digits(shuffle_pixels=True, corruption_seed=3).describe()
    assert Digits(corruption_seed=3).describe() == Digits().describe()


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused_at_once_and_when_set_later(share: float) -> None:
    with pytest.raises(ValueError, match=f"train_share={share} must be a share"):
        Digits(train_share=share)
    digits = Digits()
    digits.train_share = share
    with pytest.raises(ValueError, match=f"train_share={share} must be a share"):
        digits.train_dataloader()
