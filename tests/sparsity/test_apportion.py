from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lth_lightning.sparsity import apportion

SHARES = st.lists(st.integers(1, 1000), min_size=1, max_size=6)


@example([132, 348, 540], 120)  # the first and the last have equal remainders, which rounding would tell apart
@given(SHARES, st.integers(0, 500))
def test_without_caps_it_is_the_method_of_largest_remainders(shares: list[int], total: int) -> None:
    quotas = [Fraction(share * total, sum(shares)) for share in shares]
    expected = [int(quota) for quota in quotas]
    order = sorted(range(len(shares)), key=lambda index: (expected[index] - quotas[index], index))
    for index in order[: total - sum(expected)]:
        expected[index] += 1
    given = apportion({str(index): share for index, share in enumerate(shares)}, total, dict.fromkeys("012345", total))
    assert list(given.values()) == expected


@given(SHARES, st.data())
def test_the_sum_is_exact_none_is_above_its_cap_and_the_rest_stay_in_proportion(
    shares: list[int], data: st.DataObject
) -> None:
    caps = data.draw(st.lists(st.integers(0, 60), min_size=len(shares), max_size=len(shares)))
    assume(sum(caps) > 0)
    total = data.draw(st.integers(0, sum(caps)))
    names = [str(index) for index in range(len(shares))]
    given = apportion(dict(zip(names, shares, strict=True)), total, dict(zip(names, caps, strict=True)))
    assert sum(given.values()) == total
    free = [index for index, name in enumerate(names) if given[name] < caps[index]]
    for index, name in enumerate(names):
        assert 0 <= given[name] <= caps[index]
    units = [Fraction(given[names[index]] + 1, shares[index]) for index in free]
    for index in free:  # nobody with room has a whole weight less than its share of what another one got
        assert all(Fraction(given[names[index]] - 1, shares[index]) < unit for unit in units)


@given(SHARES, st.integers(0, 100), st.integers(-20, 20))
def test_the_unit_of_the_shares_does_not_matter(shares: list[int], total: int, power: int) -> None:
    unit = 2.0**power
    caps = dict.fromkeys("012345", total)
    plain = apportion({str(index): float(share) for index, share in enumerate(shares)}, total, caps)
    assert plain == apportion({str(index): share * unit for index, share in enumerate(shares)}, total, caps)


def test_a_total_above_the_caps_is_refused() -> None:
    with pytest.raises(ValueError, match="4 cannot be divided where the caps leave room for 3"):
        apportion({"a": 1.0, "b": 0.0}, 4, {"a": 1, "b": 2, "c": 9})
    assert apportion({"a": 1.0, "b": 0.0}, 3, {"a": 1, "b": 2, "c": 9}) == {"a": 1, "b": 2}
