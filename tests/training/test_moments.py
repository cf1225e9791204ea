import math
from typing import Any

import pytest
from foreign import Foreign, fit
from lightning.pytorch import Callback, LightningModule, Trainer

from lth_lightning.training import Clock, Moment, StopAt, clock_of

CLOCK = Clock(epoch=391, total=62560)


@pytest.mark.parametrize(
    ("text", "steps"),
    [("0it", 0), ("0ep", 0), ("1it", 1), ("500it", 500), ("1ep", 391), ("80ep", 31280), ("end", 62560), ("007it", 7)],
)
def test_a_moment_is_a_number_of_completed_steps(text: str, steps: int) -> None:
    assert Moment.parse(text).steps(CLOCK) == steps


@pytest.mark.parametrize("text", ["500it", "2ep", "0it", "end"])
def test_a_moment_is_written_as_it_is_read(text: str) -> None:
    assert str(Moment.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "500", "3 epochs", "2 ep", "ep", "-1it", "1.5ep", "2EP", "1ep50it", "end ", "1it\n", 500, None]
)
def test_a_misspelt_moment_is_refused_with_an_example(text: Any) -> None:
    with pytest.raises(ValueError, match="a moment of training is written like '500it' or '2ep'"):
        Moment.parse(text)


def test_while_the_length_is_unknown_only_the_beginning_is_certain() -> None:
    unknown = Clock(math.inf, math.inf)
    assert [Moment.parse(text).steps(unknown) for text in ("0it", "0ep", "7it")] == [0, 0, 7]
    assert [Moment.parse(text).steps(unknown) for text in ("1ep", "end")] == [math.inf, math.inf]


class Epochs(Callback):
    """Records the clock as training starts, and the steps completed at the end of every epoch."""

    def __init__(self) -> None:
        self.ends: list[int] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.clock = clock_of(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.ends.append(trainer.global_step)


@pytest.mark.parametrize(
    "options",
    [
        {"max_epochs": 3},
        {"max_epochs": 3, "limit_train_batches": 3},
        {"max_epochs": 2, "limit_train_batches": 0.5},
        {"max_epochs": 2, "accumulate_grad_batches": 3},
        {"max_epochs": 2, "accumulate_grad_batches": 4},
        {"max_epochs": 2, "accumulate_grad_batches": 9},
        {"max_epochs": 5, "max_steps": 6},
        {"max_epochs": -1, "max_steps": 7},
        {"max_epochs": None, "max_steps": 8, "accumulate_grad_batches": 2},
        {"max_epochs": -1, "stop_at": 7},
        {"max_epochs": 3, "stop_at": 2},
        {"max_epochs": 2, "stop_at": 50},
    ],
    ids=str,
)
def test_the_clock_says_how_many_steps_lightning_takes(options: dict[str, Any]) -> None:
    epochs = Epochs()
    stops = [StopAt(options["stop_at"])] if "stop_at" in options else []
    trainer = fit(Foreign(), epochs, *stops, **{key: value for key, value in options.items() if key != "stop_at"})
    assert epochs.clock.total == trainer.global_step == epochs.ends[-1]
    assert min(epochs.clock.epoch, epochs.clock.total) == epochs.ends[0]


def test_the_clock_of_a_training_without_an_end_is_infinite() -> None:
    class Stop(Epochs):
        def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
            trainer.should_stop = True

    epochs = Stop()
    fit(Foreign(), epochs, max_epochs=-1)
    assert epochs.clock == Clock(4, math.inf)
