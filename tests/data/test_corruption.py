"""What the corruption of Su et al. (2020) is, from its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency, chisquare

from lth_lightning.data.corruption import BLOCK, Corruption, random_labels, shuffled_pixels

RARE = 1e-4  # a test with a fixed seed that fails by chance once in 10,000 choices of that seed


def numbered(count: int, height: int = 2, width: int = 3, channels: int = 2) -> np.ndarray:
    """Images whose every value is its own place, so that a shuffled image is its permutation."""
    image = np.arange(height * width * channels, dtype=np.uint8).reshape(height, width, channels)
    return np.repeat(image[None], count, axis=0)


@given(st.integers(1, 50), st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3]), st.integers(0), st.data())
def test_a_shuffled_image_has_the_values_it_had(
    count: int, height: int, width: int, channels: int, seed: int, draw: st.DataObject
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (count, height, width, channels), dtype=np.uint8)
    before = images.copy()
    chosen = np.array(sorted(draw.draw(st.sets(st.integers(0, count - 1), min_size=1))))
    shuffled = shuffled_pixels(images, chosen, seed)
    assert shuffled.dtype == np.uint8
    assert shuffled.shape == (len(chosen), height, width, channels)
    rows = (part.reshape(len(chosen), -1) for part in (shuffled, images[chosen]))
    np.testing.assert_array_equal(*(np.sort(row, axis=1) for row in rows))
    np.testing.assert_array_equal(images, before)


@given(st.integers(1, 5 * BLOCK), st.data())
def test_an_image_is_shuffled_alike_whatever_it_is_chosen_with(count: int, draw: st.DataObject) -> None:
    images = np.random.default_rng(1).integers(0, 256, (count, 3, 3, 3), dtype=np.uint8)
    chosen = np.array(sorted(draw.draw(st.sets(st.integers(0, count - 1), min_size=1))))
    whole = shuffled_pixels(images, np.arange(count), 7)
    np.testing.assert_array_equal(shuffled_pixels(images, chosen, 7), whole[chosen])
    shorter_file = images[: chosen[-1] + 1]
    np.testing.assert_array_equal(shuffled_pixels(shorter_file, chosen, 7), whole[chosen])


def test_the_permutation_does_not_depend_on_the_values_or_their_layout_in_memory() -> None:
    images = np.random.default_rng(2).integers(0, 256, (40, 2, 3, 2), dtype=np.uint8)
    every = np.arange(40)
    permutations = shuffled_pixels(numbered(40), every, 3).reshape(40, -1)
    expected = np.take_along_axis(images.reshape(40, -1), permutations.astype(int), axis=1).reshape(images.shape)
    np.testing.assert_array_equal(shuffled_pixels(images, every, 3), expected)
    transposed = np.ascontiguousarray(images.transpose(3, 1, 2, 0)).transpose(3, 1, 2, 0)
    np.testing.assert_array_equal(shuffled_pixels(transposed, every, 3), expected)


def test_every_image_has_a_permutation_of_its_own_and_every_seed_others() -> None:
    images = numbered(2000, 4, 4, 3)
    permutations = np.concatenate([shuffled_pixels(images, np.arange(2000), seed) for seed in (0, 1)])
    assert len(np.unique(permutations.reshape(4000, -1), axis=0)) == 4000


def test_every_place_gets_every_value_equally_often_across_channels_and_between_neighbours() -> None:
    count = 12_000
    places = shuffled_pixels(numbered(count), np.arange(count), 0).reshape(count, 12).astype(int)
    table = np.zeros((12, 12))
    np.add.at(table, (np.arange(12), places), 1)
    # Every row and column sums to the number of images: 11 x 11 cells are free, and vary 12/11 as much as counts do.
    assert chi2.sf(chisquare(table.ravel()).statistic * 11 / 12, df=121) > RARE
    crossed = (places % 2 != np.arange(12) % 2).mean()
    assert crossed == pytest.approx(0.5, abs=0.01)  # of two channels, the other one
    first, second = places[:-1, 0], places[1:, 0]
    pairs = np.bincount(12 * first + second, minlength=144)
    assert chisquare(pairs).pvalue > RARE


def test_random_labels_are_uniform_and_independent_of_the_true_ones_and_of_each_other() -> None:
    count, classes = 50_000, 10
    true = np.arange(count) % classes
    labels = random_labels(count, classes, seed=0)
    assert labels.dtype == np.int64
    assert (labels.min(), labels.max()) == (0, classes - 1)
    assert chisquare(np.bincount(labels)).pvalue > RARE
    for other in (true, np.roll(labels, 1), random_labels(count, classes, seed=1)):
        table = np.bincount(classes * labels + other, minlength=classes**2).reshape(classes, classes)
        assert chi2_contingency(table).pvalue > RARE
    # A label may stay what it was, as often as chance has it; binomial(50,000, 1/10) has a deviation of 67.
    assert abs((labels == true).sum() - count / classes) < 4 * 67


def test_the_labels_are_drawn_for_the_file_and_not_for_what_is_chosen() -> None:
    images, labels = numbered(100), np.arange(100) % 5
    _, every = Corruption(random_labels=True, seed=4).apply(images, labels, np.arange(100))
    _, some = Corruption(random_labels=True, seed=4).apply(images, labels, np.arange(1, 100, 7))
    np.testing.assert_array_equal(some, every[1::7])
    np.testing.assert_array_equal(every, random_labels(100, 5, 4))


def test_labels_and_pixels_are_corrupted_one_without_the_other() -> None:
    images, labels, chosen = numbered(30), np.arange(30) % 5, np.arange(3, 30)
    for shuffles in (False, True):
        for replaces in (False, True):
            got, classes = Corruption(replaces, shuffles, seed=1).apply(images, labels, chosen)
            np.testing.assert_array_equal(got, shuffled_pixels(images, chosen, 1) if shuffles else images[chosen])
            np.testing.assert_array_equal(classes, (random_labels(30, 5, 1) if replaces else labels)[chosen])


def test_corruption_is_the_same_in_every_process() -> None:
    # Written down once: another value would mean that old runs can no longer be repeated.
    assert random_labels(8, 10, seed=1).tolist() == [7, 6, 2, 6, 0, 3, 1, 5]
    assert shuffled_pixels(numbered(20), np.array([17]), seed=1).ravel().tolist() == [
        3,
        9,
        5,
        10,
        2,
        1,
        11,
        0,
        4,
        7,
        6,
        8,
    ]
    kept = Corruption(train_share=0.5, seed=1).kept(np.arange(12) % 3, np.arange(12))
    assert kept.tolist() == [0, 4, 5, 8, 9, 10]


@given(st.sampled_from([0.1, 0.25, 0.5, 0.9]), st.integers(0, 2**40))
def test_a_share_is_exact_and_has_the_classes_of_the_whole(share: float, seed: int) -> None:
    labels = np.repeat([0, 1, 2], [40, 80, 280])[np.random.default_rng(0).permutation(400)]
    train = np.flatnonzero(np.arange(400) % 4)
    kept = Corruption(train_share=share, seed=seed).kept(labels, train)
    assert len(kept) == round(share * 300)
    assert set(kept.tolist()) <= set(train.tolist())
    assert kept.tolist() == sorted(set(kept.tolist()))
    fair = share * np.bincount(labels[train], minlength=3)
    assert abs(np.bincount(labels[kept], minlength=3) - fair).max() < 1.5


def test_a_share_is_a_random_one() -> None:
    labels, often = np.arange(40) % 4, np.zeros(40)
    for seed in range(1000):
        often[Corruption(train_share=0.5, seed=seed).kept(labels, np.arange(40))] += 1
    # Each count is binomial(1000, 1/2), with a standard deviation of 15.8.
    assert abs(often - 500).max() < 5 * 15.8


def test_the_whole_is_kept_as_it_is() -> None:
    train = np.array([1, 2, 5])
    assert Corruption(seed=3).kept(np.zeros(9, np.int64), train) is train


def test_a_share_that_leaves_nothing_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"train_share=0\.01 of 40 training images leaves none"):
        Corruption(train_share=0.01).kept(np.arange(40) % 4, np.arange(40))
