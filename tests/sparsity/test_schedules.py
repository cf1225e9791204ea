"""Values of the schedules, worked out by hand."""

import pytest

from lth_lightning.sparsity import Annealing, Constant, Cosine, Cubic, LikeLearningRate


@pytest.mark.parametrize(
    ("step", "pruned"),
    # of LeNet5 in Evci et al., 2022: 0 to 95 % removed, steps 3000 to 7000;
    # 0.95 * (1 - (3/4) ** 3), 0.95 * (1 - 1/8), 0.95 * (1 - 1/64)
    [
        (0, 0),
        (2999, 0),
        (3000, 0),
        (4000, 0.54921875),
        (5000, 0.83125),
        (6000, 0.93515625),
        (7000, 0.95),
        (11719, 0.95),
    ],
)
def test_the_density_falls_by_a_cube(step: int, pruned: float) -> None:
    assert Cubic(1.0, 0.05)(step, 3000, 7000) == pytest.approx(1 - pruned, abs=1e-12)


def test_the_density_at_the_end_is_the_one_asked_for_to_the_last_bit() -> None:
    for density in (0.1, 0.3, 1 / 3, 0.07):
        assert Cubic(0.9, density)(20, 10, 20) == density
        assert Cubic(density, density)(15, 10, 20) == density


def test_where_the_schedule_begins_and_ends_at_once_it_falls_at_once() -> None:
    assert [Cubic(1.0, 0.2)(step, 5, 5) for step in (4, 5, 6)] == [1.0, 0.2, 0.2]


@pytest.mark.parametrize(
    ("annealing", "factors"),
    [
        (Cosine(), [1, 0.75, 0.5, 0.25, 0]),
        (Constant(), [1, 1, 1, 1, 1]),
        (LikeLearningRate(), [1, 0.5, 0.1, 0.01, 0]),
    ],
    ids=str,
)
def test_the_share_falls_by_the_annealing(annealing: Annealing, factors: list[float]) -> None:
    steps, rates = (0, 25_000 // 3, 12_500, 50_000 // 3, 25_000), (1, 0.5, 0.1, 0.01, 0)
    found = [annealing(step, 25_000, lr) for step, lr in zip(steps, rates, strict=True)]
    assert found == pytest.approx(factors, abs=1e-4)


def test_a_share_never_grows_beyond_the_first() -> None:
    assert LikeLearningRate()(0, 100, 1.5) == 1
    assert Cosine()(150, 100, 1.0) == 0
