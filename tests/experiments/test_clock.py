"""How long a training will be is known before there is one, and what moves a mask must fit into it."""

from pathlib import Path
from typing import Any

import pytest
import tiny
from lightning.pytorch import Callback, LightningModule, Trainer
from typed import lth

from lth_lightning.experiments import Dense, DynamicTraining, Experiment, PruningInTraining, SparseTraining
from lth_lightning.experiments.clock import clock_before
from lth_lightning.experiments.trainer import quiet_trainer
from lth_lightning.sparsity import SET, AtInit, Clock, Gradual, Mask, Random, prunable
from lth_lightning.training import Seeds, Sparsify
from lth_lightning.training.moments import clock_of

LATE = SET(AtInit(0.5, Random()), every="3it", begin="11it", end="13it")  # of 12 steps
GRADUAL = Gradual(0.5, every="1it")


class Noted(Callback):
    """Notes the clock of a training that goes on."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.clock = clock_of(trainer)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_epochs": 1},
        {"accumulate_grad_batches": 3},
        {"limit_train_batches": 2},
        {"limit_train_batches": 0.7},
        {"max_epochs": -1, "max_steps": 5},
        {"limit_train_batches": 3, "accumulate_grad_batches": 2, "max_epochs": 2, "max_steps": 100},
    ],
    ids=str,
)
def test_it_is_the_clock_that_the_training_then_has(options: dict[str, Any], tmp_path: Path) -> None:
    built = tiny.build(Seeds.of(0), 0, **options)
    built.data.prepare_data()
    before = clock_before(built)
    noted = Noted()
    quiet_trainer(built.trainer, tmp_path, [noted], 0).fit(built.module, datamodule=built.data)
    assert before == noted.clock != Clock(1, 1)


@pytest.mark.parametrize(
    "experiment",
    [
        SparseTraining(policy=LATE),
        PruningInTraining(policy=Gradual(0.5, every="1it", end="13it")),
        PruningInTraining(policy=GRADUAL, controls=[DynamicTraining(LATE)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_moments_that_do_not_fit_are_refused_before_the_dense_network_is_trained(experiment: Experiment) -> None:
    built = tiny.build(Seeds.of(0), 0)
    built.data.prepare_data()

    def check() -> None:
        experiment.check_data(built)
        experiment.check_training({}, built, Mask.dense(prunable(built.module)))

    with pytest.raises(ValueError, match=r"end is 13it \(step 13\), but training ends after 12 steps"):
        check()
    with pytest.raises(ValueError, match="end is 13it"):
        Dense().check_data(tiny.build(Seeds.of(0), 0, None, Sparsify(LATE)))


def test_a_command_that_was_refused_may_be_typed_again_with_what_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    line = "run --config digits --config gmp --experiment SparseTraining --experiment.densities [0.2] --folder run"
    line += " --data.subset 140 --trainer.max_epochs 4"
    said = lth(line, capsys)
    assert said.code == 2
    assert "begin is 5ep (step 10), but training ends after 8 steps" in said.err
    Path("short.yaml").write_text(
        "trainer: {callbacks: [{class_path: lth_lightning.training.Sparsify, init_args: {policy: {class_path: Gradual, "
        "init_args: {density: 0.1, every: 1ep, end: 3ep}}}}]}"
    )
    said = lth(line.replace("--config gmp", "--config short.yaml"), capsys)
    assert (said.code, said.err) == (0, "")
