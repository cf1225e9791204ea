"""Learning-rate schedules against torch's own, against formulas, and as a training sees them."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from foreign import Batches, trainer
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn, optim
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR, StepLR

from lth_lightning.training import Classifier, Clock, Constant, Cosine, LearningRateSchedule, Milestones

CLOCK = Clock(epoch=5, total=60)


def by_torch(schedule: Callable[[optim.Optimizer], LRScheduler], steps: int) -> list[float]:
    """The factors that a torch scheduler gives, one per step."""
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = schedule(optimizer)
    factors = []
    for _ in range(steps):
        factors.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return factors


def factors(schedule: LearningRateSchedule, clock: Clock = CLOCK, steps: int | None = None) -> list[float]:
    return [schedule.factor(step, clock) for step in range(int(clock.total) if steps is None else steps)]


@pytest.mark.parametrize(
    ("ours", "milestones"),
    [(["4ep", "8ep"], [20, 40]), (["20it", "40it"], [20, 40]), (["8ep", "4ep"], [20, 40]), (["0it"], [0]), ([], [])],
    ids=str,
)
def test_milestones_are_those_of_torch(ours: list[str], milestones: list[int]) -> None:
    theirs = by_torch(lambda optimizer: MultiStepLR(optimizer, milestones, gamma=0.2), 60)
    assert factors(Milestones(ours, gamma=0.2)) == pytest.approx(theirs)


def test_the_first_step_with_a_lower_rate_is_the_one_after_the_milestone() -> None:
    given = factors(Milestones(["2ep"]))
    assert (given[9], given[10]) == (1, pytest.approx(0.1))


def test_a_milestone_in_epochs_scales_with_the_data() -> None:
    schedule = Milestones(["80ep"])
    for epoch in (391, 98, 7):
        given = factors(schedule, Clock(epoch, 160 * epoch))
        assert sum(factor == 1 for factor in given) == 80 * epoch


@pytest.mark.parametrize("end", [0.0, 0.1])
def test_the_cosine_is_that_of_torch(end: float) -> None:
    theirs = by_torch(lambda optimizer: CosineAnnealingLR(optimizer, 60, eta_min=end), 60)
    assert factors(Cosine(end)) == pytest.approx(theirs)
    assert Cosine(end).factor(30, CLOCK) == pytest.approx((1 + end) / 2)


@pytest.mark.parametrize("schedule", [Constant(warmup="2ep"), Milestones(["8ep"], warmup="10it")], ids=str)
def test_warm_up_is_linear_from_zero(schedule: LearningRateSchedule) -> None:
    given = factors(schedule)
    assert given[:11] == pytest.approx([step / 10 for step in range(11)])
    assert given[11:40] == [1] * 29


def test_warm_up_multiplies_the_schedule() -> None:
    given = factors(Cosine(warmup="20it"))
    for step in range(60):
        assert given[step] == pytest.approx(min(1, step / 20) * (1 + math.cos(math.pi * step / 60)) / 2)


@pytest.mark.parametrize("schedule", [Constant(), Milestones(["11ep"]), Cosine(), Cosine(0.2, "1ep")], ids=str)
def test_after_the_end_the_last_factor_holds(schedule: LearningRateSchedule) -> None:
    given = factors(schedule, steps=80)
    assert given[60:] == [given[59]] * 20
    assert given[59] > 0


@pytest.mark.parametrize("schedule", [Constant(warmup="1ep"), Milestones(["1ep", "3it"]), Cosine()], ids=str)
def test_before_lightning_knows_the_length_there_is_a_factor(schedule: LearningRateSchedule) -> None:
    assert 0 <= schedule.factor(0, Clock(math.inf, math.inf)) <= 1


@pytest.mark.parametrize(
    "schedule",
    [
        lambda: Constant(warmup="5 epochs"),
        lambda: Milestones(["80ep", "120"]),
        lambda: Milestones(["80ep"], warmup="5"),
        lambda: Cosine(warmup="1.5ep"),
    ],
)
def test_a_misspelt_moment_is_refused_where_it_is_written(schedule: Callable[[], LearningRateSchedule]) -> None:
    with pytest.raises(ValueError, match="a moment of training is written like"):
        schedule()


class Rates(Callback):
    """Records the learning rate of every optimizer step."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: optim.Optimizer
    ) -> None:
        self.rates.append(optimizer.param_groups[0]["lr"])


def rates(schedule: Any, **options: Any) -> list[float]:
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    seen = Rates()
    trainer(seen, **options).fit(Classifier(net, partial(optim.SGD, lr=2.0), schedule), Batches(), Batches(1))
    return seen.rates


def test_a_training_takes_its_first_step_at_rate_zero_under_warm_up() -> None:
    given = rates(Milestones(["2ep"], warmup="4it"), max_epochs=3)
    assert given == pytest.approx([0, 0.5, 1, 1.5, 2, 2, 2, 2, 0.2, 0.2, 0.2, 0.2])


def test_with_accumulated_gradients_the_schedule_counts_optimizer_steps() -> None:
    given = rates(Milestones(["1ep", "2ep"]), max_epochs=3, accumulate_grad_batches=3)
    assert given == pytest.approx([2, 2, 0.2, 0.2, 0.02, 0.02])


def test_a_cosine_ends_with_the_training() -> None:
    assert rates(Cosine(), max_epochs=2) == pytest.approx([1 + math.cos(math.pi * step / 8) for step in range(8)])
    assert rates(Cosine(), max_epochs=9, max_steps=3) == pytest.approx([2, 1.5, 0.5])


def test_a_torch_scheduler_by_class_path_steps_every_epoch() -> None:
    given = rates(partial(StepLR, step_size=1, gamma=0.5), max_epochs=3)
    assert given == pytest.approx([2] * 4 + [1] * 4 + [0.5] * 4)
