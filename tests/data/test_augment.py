import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lth_lightning.data.augment import CropFlip
from lth_lightning.data.normalise import moments, normalise, own_moments, scale_shift


@given(
    st.integers(1, 5), st.sampled_from([1, 3]), st.integers(1, 7), st.integers(1, 7), st.integers(0, 4), st.integers(0)
)
def test_a_crop_is_a_window_of_the_padded_image(
    batch: int, channels: int, height: int, width: int, pad: int, seed: int
) -> None:
    images = torch.randint(1, 256, (batch, channels, height, width), dtype=torch.uint8)
    augment = CropFlip(pad, flip=True, seed=seed)
    draws = augment.draw(batch, epoch=0)
    for image, out, (top, left, mirrored) in zip(images, augment.apply(images, draws), draws.T.tolist(), strict=True):
        by_hand = F.pad(image, (pad, pad, pad, pad))[:, top : top + height, left : left + width]
        assert torch.equal(out, by_hand.flip(-1) if mirrored else by_hand)


@given(st.integers(1, 4), st.integers(3, 7), st.integers(3, 7), st.integers(0, 2), st.integers(0))
def test_a_crop_with_a_reflecting_border_is_a_window_of_torchs_padded_image(
    batch: int, height: int, width: int, pad: int, seed: int
) -> None:
    images = torch.randint(0, 256, (batch, 3, height, width), dtype=torch.uint8)
    augment = CropFlip(pad, flip=True, seed=seed, border="reflect")
    draws = augment.draw(batch, epoch=0)
    assert torch.equal(draws, CropFlip(pad, flip=True, seed=seed).draw(batch, epoch=0))
    padded = F.pad(images.double(), (pad, pad, pad, pad), mode="reflect").to(torch.uint8)
    for image, out, (top, left, mirrored) in zip(padded, augment.apply(images, draws), draws.T.tolist(), strict=True):
        by_hand = image[:, top : top + height, left : left + width]
        assert torch.equal(out, by_hand.flip(-1) if mirrored else by_hand)


def test_the_draws_are_uniform_over_all_crops_and_both_sides() -> None:
    top, left, mirrored = CropFlip(pad=2, flip=True).draw(20_000, epoch=0)
    for corner in (top, left):
        counts = corner.bincount()
        assert len(counts) == 5
        assert abs(counts - 4000).max() < 5 * 57  # standard deviation of a binomial(20000, 1/5)
    assert abs(mirrored.bincount() - 10_000).max() < 5 * 71
    joint = torch.stack([top, left, mirrored]).double().corrcoef()
    assert (joint - torch.eye(3, dtype=torch.float64)).abs().max() < 0.04


def test_the_draws_depend_on_seed_and_epoch() -> None:
    draws = {CropFlip(4, True, seed).draw(50, epoch).numpy().tobytes() for seed in (0, 1) for epoch in (0, 1)}
    assert len(draws) == 4
    assert CropFlip(4, True, 1).draw(50, 1).numpy().tobytes() in draws


def test_without_flip_nothing_is_mirrored_and_the_crops_stay() -> None:
    both, crops = CropFlip(4, True).draw(50, 3), CropFlip(4, False).draw(50, 3)
    assert torch.equal(both[:2], crops[:2])
    assert not crops[2].any()


def test_no_pad_and_no_flip_is_the_identity() -> None:
    images = torch.randint(0, 256, (4, 3, 6, 5), dtype=torch.uint8)
    nothing = CropFlip(pad=0, flip=False)
    assert torch.equal(nothing.apply(images, nothing.draw(4, 0)), images)


def test_the_moments_are_those_of_the_pixels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 6, 5, 3), dtype=np.uint8)
    mean, std = moments(images)
    np.testing.assert_allclose(mean, (images / 255).mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(std, (images / 255).std((0, 1, 2)), rtol=1e-12)


def test_normalised_pixels_have_mean_zero_and_variance_one() -> None:
    images = np.random.default_rng(0).integers(0, 200, (50, 6, 5, 3), dtype=np.uint8)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    mean, std = moments(images)
    out = normalise(pixels, *scale_shift(mean, std, pixels.device))
    assert out.dtype == torch.float32
    assert out.is_contiguous()
    torch.testing.assert_close(out, ((pixels.double() / 255 - mean[:, None, None]) / std[:, None, None]).float())
    torch.testing.assert_close(out.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var((0, 2, 3), correction=0), torch.ones(3))


def test_a_channel_that_never_changes_becomes_zero() -> None:
    images = np.full((3, 2, 2, 1), 9, np.uint8)
    out = normalise(torch.from_numpy(images).permute(0, 3, 1, 2), *scale_shift(*moments(images), torch.device("cpu")))
    torch.testing.assert_close(out, torch.zeros(3, 1, 2, 2))


def test_of_each_image_pixels_have_mean_zero_and_variance_one() -> None:
    pixels = torch.randint(0, 90, (40, 3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels[7] = 9
    out = normalise(pixels, *scale_shift(*own_moments(pixels), pixels.device))
    scaled = pixels.double()
    std, mean = torch.std_mean(scaled, (1, 2, 3), correction=0, keepdim=True)
    expected = (scaled - mean) / std.clamp(min=90**-0.5)
    torch.testing.assert_close(out, expected.float(), rtol=1e-5, atol=1e-5)
    assert float(out[7].abs().max()) < 1e-4
    torch.testing.assert_close(out[8:].var((1, 2, 3), correction=0), torch.ones(32), rtol=1e-4, atol=1e-4)
