import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from signal import Signals
from typing import Any

import pytest
import tiny
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins.environments import SLURMEnvironment

from lth_lightning.experiments import Ticket
from lth_lightning.experiments.trainer import quiet_trainer
from lth_lightning.preemption import SIGNALS, StoppedError, asked, listening, stop_if_asked
from lth_lightning.training import Seeds
from lth_lightning.training.devices import default_threads

KEEP = ("0it", "3it", "2ep")


class Sends(Callback):
    """Sends a signal to this process in a hook, such as 'on_train_batch_end', when it is called for the nth time."""

    def __init__(self, what: Signals, hook: str, nth: int = 1) -> None:
        self.what, self.left = what, nth
        setattr(self, hook, self._called)

    def _called(self, *args: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.what)


class Begins(Callback):
    """Records the steps at which trainings begin."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.steps.append(trainer.global_step)


def train(root: Path, *callbacks: Callback, **options: Any) -> None:
    recipe = tiny.recipe(root, callbacks=lambda: callbacks, **options)
    recipe.train(Ticket(), root / "a", keep=KEEP)


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = [signal.getsignal(each) for each in SIGNALS]
    yield
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("what", SIGNALS)
@pytest.mark.parametrize(
    ("hook", "nth", "saved", "options"),
    [
        ("on_train_batch_start", 6, 6, {}),  # the step is finished
        ("on_train_batch_end", 6, 6, {}),
        ("on_train_batch_end", 6, 3, {"accumulate_grad_batches": 2}),
        ("on_train_batch_end", 7, 4, {"accumulate_grad_batches": 2}),  # gradients half accumulated are in no checkpoint
        ("on_train_batch_end", 8, 8, {}),  # an epoch's last is saved with its validation
        ("on_validation_batch_start", 1, 4, {}),  # that of the first epoch, which has 4 steps
        ("on_train_epoch_end", 3, 12, {}),
    ],
)
def test_a_signal_saves_between_two_steps_and_the_training_goes_on_bit_for_bit(
    what: Signals, hook: str, nth: int, saved: int, options: dict[str, Any], tmp_path: Path
) -> None:
    train(tmp_path / "whole", **options)
    cut = tmp_path / "cut"
    with listening(), pytest.raises(StoppedError) as stop:
        train(cut, Sends(what, hook, nth), **options)
    assert stop.value.by == what
    assert stop.value.code == 128 + what
    assert tiny.saved(cut / "a") == saved
    train(cut, begins := Begins(), **options)
    assert begins.steps == ([saved] if saved < 12 else []), "where it was cut, and not at all if that was its end"
    assert tiny.contents(cut) == tiny.contents(tmp_path / "whole")


def test_a_signal_before_the_first_step_leaves_nothing_to_resume_from(tmp_path: Path) -> None:
    with listening(), pytest.raises(StoppedError):
        train(tmp_path, Sends(Signals.SIGTERM, "on_train_start"))
    assert not (tmp_path / "a" / "last.ckpt").exists()
    train(tmp_path, begins := Begins())
    assert begins.steps == [0]


def test_a_signal_while_testing_ends_before_the_next_training(tmp_path: Path) -> None:
    with listening():
        train(tmp_path, Sends(Signals.SIGUSR1, "on_test_start"))
        assert (tmp_path / "a" / "result.pt").exists()
        with pytest.raises(StoppedError):
            tiny.recipe(tmp_path).train(Ticket(), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_of_both_signals_that_which_ends_a_job_for_good_counts() -> None:
    with listening():
        stop_if_asked()
        for each in (Signals.SIGUSR1, Signals.SIGTERM, Signals.SIGUSR1):
            os.kill(os.getpid(), each)
        assert asked() == Signals.SIGTERM
    assert asked() is None


def test_a_thread_that_is_not_the_main_one_leaves_signals_alone() -> None:
    found: list[Any] = []

    def listen() -> None:
        with listening():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


@pytest.fixture
def four_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the last of four tasks of a job."""
    names = {"JOB_ID": 7, "JOB_NAME": "lth", "NTASKS": 4, "NNODES": 2, "PROCID": 3, "LOCALID": 1, "NODEID": 1}
    for name, value in names.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    monkeypatch.setattr(rank_zero_only, "rank", 3)  # what Lightning takes from it when it is imported


@pytest.mark.usefixtures("four_tasks")
def test_each_task_of_a_job_is_a_training_of_its_own(tmp_path: Path) -> None:
    train(tmp_path / "whole")
    (tmp_path / "cut" / "a").mkdir(parents=True)
    (tmp_path / "cut" / "a" / "hpc_ckpt_9.ckpt").write_bytes((tmp_path / "whole" / "a" / "last.ckpt").read_bytes())
    train(tmp_path / "cut", begins := Begins(), logger=CSVLogger(tmp_path / "curve"), log_every_n_steps=1)
    assert begins.steps == [0], "not from Lightning's own checkpoint"
    assert list((tmp_path / "curve").rglob("metrics.csv")), "a logger of the config's logs in each of them"
    assert tiny.same(*(tiny.weights(tmp_path / place / "a" / "last.ckpt") for place in ("whole", "cut")))


@pytest.mark.usefixtures("four_tasks")
def test_a_cluster_environment_of_the_config_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "1")
    config = tiny.build(Seeds.of(0), 0, plugins=[own := SLURMEnvironment(auto_requeue=False)]).trainer
    assert quiet_trainer(config, tmp_path, [], 0)._accelerator_connector.cluster_environment is own


def test_threads_are_no_more_than_the_cores_that_slurm_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    assert default_threads(tiny.Conv(2)) == 8
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert default_threads(tiny.Conv(2)) == 3
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "64")
    assert default_threads(tiny.Conv(2)) == 8
