from typing import Any

import numpy as np
import pytest
import torch

from lth_lightning.data import Digits, InMemoryLoader


def contents(loader: InMemoryLoader) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = zip(*loader, strict=True)
    return torch.cat(images), torch.cat(labels)


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    arrays, original = Digits().load(), load_digits()
    images = np.concatenate([arrays.train_images, arrays.test_images])[..., 0]
    labels = np.concatenate([arrays.train_labels, arrays.test_labels])
    assert (len(arrays.train_labels), len(arrays.test_labels)) == (1400, 397)
    assert images.min() == 0
    assert images.max() == 255
    found = {
        (np.round(image / 255 * 16).astype(int).tobytes(), label) for image, label in zip(images, labels, strict=True)
    }
    assert found == {
        (image.astype(int).tobytes(), label) for image, label in zip(original.images, original.target, strict=True)
    }
    shares = np.bincount(arrays.test_labels) / np.bincount(labels)
    assert abs(shares - 397 / 1797).max() < 0.005


def test_digits_describe_themselves() -> None:
    digits = Digits(subset=1000, validation=0.2, batch_size=50)
    assert (digits.num_classes, digits.input_shape) == (10, (1, 8, 8))
    assert (digits.num_train, digits.num_val, digits.num_test) == (800, 200, 397)
    assert digits.describe() == (
        "Digits: 800 training, 200 validation and 397 test images of 1x8x8 in 10 classes, not augmented, "
        "in batches of 50"
    )
    cropped = Digits(augment=True, pad=1, flip=True).describe()
    assert "cropped from a border of 1 and flipped" in cropped


@pytest.mark.parametrize("how", ["channels", "image", "none"])
def test_images_are_normalised_as_asked_in_every_part_whatever_becomes_of_them(how: str) -> None:
    """Augmented images too by what they were before: their pixels are those of the raw image, scaled and shifted."""
    digits = Digits(normalise=how, batch_size=60, augment=True, pad=2, border="reflect", augment_seed=3)  # type: ignore
    raw = Digits(batch_size=60, augment=True, pad=2, border="reflect", augment_seed=3)
    every = torch.from_numpy(digits.load().train_images).double()
    mean, std = every.mean() / 255, every.std(correction=0) / 255
    for ours, theirs in (
        (digits.train_dataloader(), raw.train_dataloader()),
        (digits.test_dataloader(), raw.test_dataloader()),
    ):
        pixels = contents(theirs)[0].double() * std + mean
        images = contents(ours)[0]
        if how == "channels":
            assert torch.equal(images, contents(theirs)[0])
        if how == "none":
            torch.testing.assert_close(images, pixels.float(), rtol=0, atol=1e-6)
        if how == "image":
            shown = torch.stack([images.double().flatten(1), pixels.flatten(1)], 1)
            assert all(float(torch.corrcoef(pair)[0, 1]) > 1 - 1e-6 for pair in shown)
    test = contents(digits.test_dataloader())[0]
    if how == "image":
        torch.testing.assert_close(test.mean((1, 2, 3)), torch.zeros(397), rtol=0, atol=1e-5)
        torch.testing.assert_close(test.std((1, 2, 3), correction=0), torch.ones(397))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"border": "white"}, "border is one of black, reflect, not 'white'"),
        ({"normalise": "batch"}, "normalise is one of channels, image, none, not 'batch'"),
        ({"border": "reflect", "pad": 8, "augment": True}, "pad=8 is no less than the images are high and wide"),
    ],
)
def test_a_border_and_a_normalisation_that_there_are_not_are_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Digits(**arguments).train_dataloader()


def test_the_test_images_are_the_same_for_all_arguments() -> None:
    images, labels = contents(Digits().test_dataloader())
    other = Digits(subset=300, validation=0.3, split_seed=5, order_seed=5, augment_seed=5, augment=True)
    for loader in (other.test_dataloader(), other.predict_dataloader()):
        other_images, other_labels = contents(loader)
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)


def test_training_and_validation_images_are_all_training_images() -> None:
    digits = Digits(validation=0.3)
    images, labels = (
        torch.cat(parts)
        for parts in zip(*map(contents, (digits.train_dataloader(), digits.val_dataloader())), strict=True)
    )
    arrays = digits.load()
    pixels = arrays.train_images.astype(np.float64) / 255
    expected = torch.from_numpy((pixels - pixels.mean()) / pixels.std()).permute(0, 3, 1, 2)

    def rows(images: torch.Tensor, labels: torch.Tensor) -> list[list[float]]:
        return sorted(torch.cat([labels[:, None], images.flatten(1)], 1).mul(1000).round().tolist())

    assert rows(images, labels) == rows(expected, torch.from_numpy(arrays.train_labels))
    torch.testing.assert_close(
        (images.mean(), images.std(correction=0)), (torch.tensor(0.0), torch.tensor(1.0)), atol=1e-5, rtol=0
    )


def test_each_seed_changes_one_thing() -> None:
    def seen(**options: int) -> list[torch.Tensor]:
        digits = Digits(augment=True, pad=1, batch_size=2000, **options)
        (images, labels), (held_out, _) = (
            contents(loader) for loader in (digits.train_dataloader(), digits.val_dataloader())
        )
        return [labels, images, held_out]

    def equal(first: list[torch.Tensor], second: list[torch.Tensor]) -> list[bool]:
        return [torch.equal(a, b) for a, b in zip(first, second, strict=True)]

    base = seen()
    assert equal(base, seen()) == [True, True, True]
    assert equal(base, seen(augment_seed=1)) == [True, False, True]
    assert equal(base, seen(order_seed=1)) == [False, False, True]
    assert equal(base, seen(split_seed=1))[2] is False


def test_training_images_are_augmented_and_held_out_ones_are_not() -> None:
    plain, augmented = Digits(), Digits(augment=True)
    assert not torch.equal(contents(plain.train_dataloader())[0], contents(augmented.train_dataloader())[0])
    assert torch.equal(contents(plain.val_dataloader())[0], contents(augmented.val_dataloader())[0])


def test_nothing_held_out_means_no_validation_loader() -> None:
    assert Digits(validation=0).val_dataloader() == []


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"eval_batch_size": 0}, {"validation": 1.0}, {"validation": -0.1}, {"pad": -1}]
)
def test_arguments_out_of_range_are_refused_at_once(options: dict[str, float]) -> None:
    (name, value), *_ = options.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        Digits(**options)


def test_a_subset_larger_than_the_data_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="a subset of 1401 training images was asked for"):
        Digits(subset=1401).setup()


def test_a_second_data_module_shares_what_the_first_loaded() -> None:
    first, second = Digits().train_dataloader(), Digits(order_seed=1, batch_size=9).train_dataloader()
    assert first.images.data_ptr() == second.images.data_ptr()
