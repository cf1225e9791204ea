"""Two laws fitted to points that follow them, and to noise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lth_lightning.analysis import decay

NUMBERS = [1, 2, 3, 5, 8, 13, 21]


@given(st.floats(-0.5, 0.5), st.floats(0.01, 100))
def test_an_exponential_is_found_exactly(rate: float, scale: float) -> None:
    law = decay(NUMBERS, [scale * math.exp(-rate * n) for n in NUMBERS])
    assert law is not None
    assert law.rate == pytest.approx(rate, abs=1e-9)
    assert law.rate_scale == pytest.approx(scale)
    assert law.points == 7
    if abs(rate) > 0.01:
        assert law.rate_r2 == pytest.approx(1)
        assert law.exponential


@given(st.floats(0.1, 4), st.floats(0.01, 100))
def test_a_power_is_found_exactly(power: float, scale: float) -> None:
    law = decay(NUMBERS, [scale * n**-power for n in NUMBERS])
    assert law is not None
    assert (law.power, law.power_scale, law.power_r2) == pytest.approx((power, scale, 1))
    assert not law.exponential


def test_noise_is_fitted_as_numpy_fits_a_line() -> None:
    values = np.exp(np.random.default_rng(0).normal(size=7))
    law = decay(NUMBERS, values.tolist())
    assert law is not None
    for x, slope, scale, r2 in (
        (np.array(NUMBERS), law.rate, law.rate_scale, law.rate_r2),
        (np.log(NUMBERS), law.power, law.power_scale, law.power_r2),
    ):
        expected = np.polyfit(x, np.log(values), 1)
        assert (-slope, math.log(scale)) == pytest.approx((*expected,))
        assert r2 == pytest.approx(np.corrcoef(x, np.log(values))[0, 1] ** 2)


def test_what_is_no_more_than_noise_is_left_out_and_two_points_are_no_law() -> None:
    values = [math.exp(-n) if n < 10 else 1e-6 for n in NUMBERS]
    law = decay(NUMBERS, values, floor=1e-6)
    assert law is not None
    assert (law.points, law.rate) == (5, pytest.approx(1))
    assert decay([1, 2, 3], [1.0, 0.5, 0.0]) is None
    assert decay([2, 2, 2, 3], [1.0, 0.9, 0.8, 0.5]) is None
    flat = decay([1, 2, 3], [0.5, 0.5, 0.5])
    assert flat is not None
    assert (flat.rate, flat.rate_r2) == (0, 1)
