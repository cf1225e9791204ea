"""The grid of a study."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lth_lightning.experiments.grid import axes, ends, points

LENGTHS = {"short": {"trainer.max_epochs": 4, "data.batch_size": 8}, "long": {"trainer.max_epochs": 9}}


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)))
def test_points_are_all_combinations_of_values(grid: Any) -> None:
    found = points(grid)
    assert [tuple(point.at.values()) for point in found] == list(product(*grid.values()))
    assert all(dict(point.changes) == dict(point.at) for point in found)
    assert len({point.name for point in found}) == len(found), "each has a folder of its own"


def test_an_axis_is_called_by_the_last_part_of_its_key_unless_two_would_be() -> None:
    assert list(axes({"model.optimizer.lr": [0.1], "trainer.max_epochs": [1]})) == ["lr", "max_epochs"]
    assert list(axes({"a.width": [1], "b.width": [2]})) == ["a.width", "b.width"]


def test_labelled_values_change_several_keys() -> None:
    short, long = points({"length": LENGTHS})  # type: ignore[dict-item]
    assert (short.name, dict(short.changes)) == ("length-short", {"trainer.max_epochs": 4, "data.batch_size": 8})
    assert (long.name, dict(long.changes)) == ("length-long", {"trainer.max_epochs": 9})


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ({"lr": []}, "the axis lr has no values"),
        ({"lr": [0.1, 0.1]}, "the axis lr has a value twice"),
        ({"lr": [0.1, [1]]}, r"the axis lr has the value \[1\]: give it a label"),
        ({"net": ["a/b"]}, "the axis net has the value 'a/b', which cannot name a folder"),
        ({"trainer.max_epochs": [3], "length": LENGTHS}, "two axes of the grid change trainer.max_epochs"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(grid: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        points(grid)


def test_a_trial_has_the_ends_of_every_axis() -> None:
    assert ends({"lr": [1, 2, 3], "one": [5], "length": {**LENGTHS, "longer": {"a": 1}}}) == {
        "lr": [1, 3],
        "one": [5],
        "length": {"short": LENGTHS["short"], "longer": {"a": 1}},
    }
