from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as numpy_arrays

from lth_lightning.data.arrays import Arrays
from lth_lightning.data.splits import balanced, split, stratified

LABELS = numpy_arrays(np.int64, st.integers(5, 60), elements=st.integers(0, 4)).map(
    lambda labels: np.concatenate([labels, np.arange(5)])
)


def data(labels: np.ndarray) -> Arrays:
    images = np.zeros((len(labels), 2, 2, 1), np.uint8)
    return Arrays(images, labels, images[:1], labels[:1])


@given(LABELS, st.data())
def test_a_subset_is_the_first_of_each_class_in_equal_numbers(labels: np.ndarray, draw: st.DataObject) -> None:
    count = draw.draw(st.integers(5, len(labels)))
    chosen = balanced(labels, count)
    assert len(set(chosen.tolist())) == count
    assert chosen.tolist() == sorted(chosen.tolist())
    got, available = np.bincount(labels[chosen], minlength=5), np.bincount(labels, minlength=5)
    for label in range(5):
        np.testing.assert_array_equal(chosen[labels[chosen] == label], np.flatnonzero(labels == label)[: got[label]])
    assert all(got[label] == available[label] or got[label] >= got.max() - 1 for label in range(5))


@given(LABELS)
def test_a_smaller_subset_is_part_of_a_larger_one(labels: np.ndarray) -> None:
    nested = [set(balanced(labels, count).tolist()) for count in range(5, len(labels) + 1)]
    assert all(small < large for small, large in pairwise(nested))


@pytest.mark.parametrize("count", [0, 2, 7])
def test_an_impossible_subset_is_refused_in_a_sentence(count: int) -> None:
    with pytest.raises(ValueError, match=f"a subset of {count} training images.*at least 3.*at most 6"):
        balanced(np.array([0, 1, 2, 0, 1, 2]), count)


@given(st.integers(0, 10), st.integers(0, 2**40))
def test_a_stratified_sample_has_the_shares_of_the_whole(tenths: int, seed: int) -> None:
    labels = np.repeat([0, 1, 2], [10, 20, 70])[np.random.default_rng(0).permutation(100)]
    chosen = stratified(labels, 10 * tenths, "split", seed)
    assert len(set(chosen.tolist())) == 10 * tenths
    np.testing.assert_array_equal(np.bincount(labels[chosen], minlength=3), [tenths, 2 * tenths, 7 * tenths])


def test_a_stratified_sample_is_random_within_a_class() -> None:
    often = np.zeros(40)
    for seed in range(1000):
        often[stratified(np.arange(40) % 4, 10, "split", seed)] += 1
    # Each count is binomial(1000, 1/4), with a standard deviation of 13.7.
    assert abs(often - 250).max() < 5 * 13.7


@given(LABELS, st.sampled_from([0.1, 0.25, 0.5]), st.integers(0, 99))
def test_the_held_out_images_are_the_rest(labels: np.ndarray, validation: float, seed: int) -> None:
    parts = split(data(labels), None, validation, seed)
    assert sorted([*parts.train.tolist(), *parts.val.tolist()]) == list(range(len(labels)))
    assert len(parts.val) == round(validation * len(labels))


def test_the_split_depends_on_its_seed_only() -> None:
    labels = np.arange(100) % 5
    first, again, other = (split(data(labels), None, 0.2, seed).val.tolist() for seed in (3, 3, 4))
    assert first == again != other


def test_the_subset_is_taken_before_the_split() -> None:
    labels = np.arange(100) % 5
    parts = split(data(labels), 20, 0.25, 0)
    assert sorted([*parts.train.tolist(), *parts.val.tolist()]) == list(range(20))
    np.testing.assert_array_equal(np.bincount(labels[parts.val]), [1] * 5)


@pytest.mark.parametrize("validation", [0.001, 0.999])
def test_a_share_that_leaves_nothing_is_refused_in_a_sentence(validation: float) -> None:
    with pytest.raises(ValueError, match=f"validation={validation} of 100 training images holds out"):
        split(data(np.arange(100) % 5), None, validation, 0)


def test_nothing_is_held_out_on_request() -> None:
    assert len(split(data(np.arange(10) % 5), None, 0.0, 0).val) == 0
