"""Laws of every allocation; a new one needs a row in `every_allocation`."""

import inspect
import math
import pickle
from collections.abc import Callable

import pytest
import torch
from every_allocation import EVERY, budgets_or_refusal, every_allocation
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from lth_lightning import sparsity
from lth_lightning.sparsity import Allocation, Global, Mask, count, generator, prune

Make = Callable[[Mask], Allocation]
Case = tuple[dict[str, Tensor], Mask]


@st.composite
def layered(draw: st.DrawFn) -> Case:
    """Scores and a mask over layers of one weight and more, of which rounds of pruning have left a part."""
    shapes = st.sampled_from([(1, 1), (2, 1), (3, 4), (10, 7), (2, 3, 1, 1), (4, 2, 3, 3), (6, 1, 3, 3), (3, 2, 5)])
    sizes = draw(st.lists(shapes, min_size=1, max_size=6))
    draws = generator("test", draw(st.integers(0, 10_000)))
    scores = {f"layer{index}": torch.rand(shape, generator=draws) for index, shape in enumerate(sizes)}
    mask = Mask.dense(scores)
    others = {name: torch.rand(score.shape, generator=draws) for name, score in scores.items()}
    return scores, prune(others, draw(st.integers((mask.size + 1) // 2, mask.size)) / mask.size, Global())


def test_every_allocation_has_a_row() -> None:
    members = [getattr(sparsity, name) for name in sparsity.__all__]
    exported = {each for each in members if inspect.isclass(each) and issubclass(each, Allocation)} - {Allocation}
    mask = Mask.dense({"conv": torch.zeros(2, 2, 3, 3), "linear": torch.zeros(2, 2)})
    assert {type(make(mask)) for make in EVERY.values()} == exported


@every_allocation
@settings(max_examples=20)
@given(layered(), st.data())
def test_every_allocation_divides_exactly_what_was_asked_for_or_names_the_nearest_density_it_can(
    make: Make, case: Case, data: st.DataObject
) -> None:
    scores, mask = case
    density = data.draw(st.floats(1 / mask.size, 1))
    budgets = budgets_or_refusal(make(mask), scores, density, mask)
    if budgets is not None:
        assert sum(budgets.values()) == math.floor(density * mask.size + 0.5)
        assert list(budgets) == list(mask)
        for name, (kept, _) in mask.layers().items():
            assert isinstance(budgets[name], int)
            assert 0 <= budgets[name] <= kept


@every_allocation
@settings(max_examples=20)
@given(layered(), st.data())
def test_every_allocation_gives_no_layer_less_at_a_higher_density(make: Make, case: Case, data: st.DataObject) -> None:
    scores, mask = case
    allocation = make(mask)
    least, most = allocation.reach(mask)
    assume(most >= 1)
    low, high = sorted(data.draw(st.tuples(*[st.integers(max(1, least), most)] * 2)))
    fewer, more = allocation(scores, low / mask.size, mask), allocation(scores, high / mask.size, mask)
    # one weight less is possible where remainders are rounded (the Alabama paradox); one ranking has no remainders
    slack = 0 if isinstance(allocation, Global) else 1
    assert all(fewer[name] <= more[name] + slack for name in mask)


@every_allocation
def test_every_allocation_stays_exact_over_rounds_until_it_says_where_it_ends(make: Make) -> None:
    draws = generator("test", 2)
    shapes = {"a": (4, 2, 3, 3), "b": (4, 1, 3, 3), "c": (16, 5), "d": (5, 3)}
    mask = Mask.dense({name: torch.zeros(shape) for name, shape in shapes.items()})
    pruned, allocation = 0, make(mask)
    for number in range(1, 21):
        scores = {name: torch.rand(shape, generator=draws) for name, shape in shapes.items()}
        if budgets_or_refusal(allocation, scores, 0.8**number, mask) is not None:
            within, mask, pruned = mask, prune(scores, 0.8**number, allocation, mask), pruned + 1
            assert mask.kept == count(0.8**number, 203)
            assert mask.within(within)
    assert pruned >= 3


@every_allocation
def test_every_allocation_that_can_reach_density_one_keeps_all(make: Make) -> None:
    dense = Mask.dense({"a": torch.zeros(4, 2, 3, 3), "b": torch.zeros(5, 4)})
    budgets = budgets_or_refusal(make(dense), {name: kept.float() for name, kept in dense.items()}, 1.0, dense)
    assert (budgets == {"a": 72, "b": 20}) == (make(dense).reach(dense)[1] == 92)


@every_allocation
def test_every_allocation_can_be_pickled(make: Make) -> None:
    allocation = make(Mask.dense({"a": torch.zeros(4, 2, 3, 3)}))
    assert pickle.loads(pickle.dumps(allocation)) == allocation


@pytest.mark.parametrize("name", EVERY)
def test_every_allocation_says_what_is_left_of_a_pruned_mask(name: str) -> None:
    within = Mask({"a": torch.tensor([[[True, False, True, False]]])})
    with pytest.raises(ValueError, match=r"asks for 3 weights, but no more than 2 \(density 0\.5\) are left: pruning"):
        EVERY[name](within)({}, 0.75, within)
