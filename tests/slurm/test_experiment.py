"""One experiment as a job of a real SLURM: cut in every way that there is, it ends as if it had not been."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
from jobs import Job, Place
from tracked import recorded

pytestmark = [pytest.mark.slurm, pytest.mark.slow]
DENSE, TICKET = "run/seed-0/round-00", "run/seed-0/round-01"
STEPS = 160  # 8 in each of 20 epochs
LINE = (
    "--config digits --config omp --config debug --trainer.max_epochs 20 --folder run "
    "--experiment.init_args.densities [0.5] --experiment.init_args.controls []"
)
WORDS = LINE.split()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an experiment's folder holds that ran in one go, in no job."""
    place = Place(tmp_path_factory.mktemp("whole"))
    place.run("lth", "run", *WORDS)
    assert place.begun == [(DENSE, 0), (TICKET, 0)]
    return tiny.of_a_run(place.path / "run")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "place")
    yield place
    for job in place.jobs:
        job.cancel()


def requeued(job: Job) -> Job:
    job.place.run("scontrol", "requeue", job.name)
    job.again()
    assert "terminated: the same command line continues where it was\n" in job.output
    return job


def preempted(job: Job) -> Job:
    job.place.run("scancel", "--signal=USR1", job.name)
    job.again()
    assert job.requeued_itself()
    return job


def killed(job: Job) -> Job:
    lock = job.place.path / "run" / ".lock"
    os.kill(int(lock.read_text().split()[0]), signal.SIGKILL)
    job.finish()
    assert "Killed" in job.output
    return job.place.submit("experiment", WORDS)


@pytest.mark.parametrize(("cut", "save_seconds"), [(requeued, "1e9"), (preempted, "1e9"), (killed, "0.2")])
def test_a_job_that_was_cut_goes_on_where_it_was_and_ends_bit_for_bit_as_if_it_had_not_been(
    cut: Callable[[Job], Job], save_seconds: str, place: Place, uninterrupted: dict[str, Any]
) -> None:
    job = place.submit("experiment", [*WORDS, "--save_seconds", save_seconds])
    job.until(lambda: place.epochs(DENSE) > 1 and (cut is not killed or tiny.saved(place.path / DENSE) > 0))
    job = cut(job)
    saved = tiny.saved(place.path / DENSE)
    assert 0 < saved < STEPS
    job.finish()
    assert place.begun == [(DENSE, 0), (DENSE, saved), (TICKET, 0)]
    assert tiny.of_a_run(place.path / "run") == uninterrupted
    assert not list(place.path.rglob("hpc_ckpt*"))


def test_before_its_time_is_over_a_job_saves_and_goes_back_to_the_queue(place: Place) -> None:
    endless = [*WORDS, "--trainer.max_epochs", "100000", "--save_seconds", "1e9"]
    job = place.submit("experiment", endless, "--time=2", "--signal=USR1@30")  # which comes up to a minute early
    job.until(lambda: place.epochs(DENSE) > 1)
    job.back()
    assert job.requeued_itself()
    assert tiny.saved(place.path / DENSE) > 0


def test_curves_continue_after_a_job_went_back_to_the_queue(place: Place) -> None:
    job = place.submit("experiment", [*WORDS, "--track", "offline", "--save_seconds", "1e9"])
    job.until(lambda: place.epochs(DENSE) > 1)
    preempted(job)
    (cut,) = recorded(place.path / "run" / "wandb").values()
    assert cut.exit_code == 1
    assert 1 < len(cut.logged) < 20
    job.finish()
    runs = {name: run for name, run in recorded(place.path / "run" / "wandb").items() if "overview" not in name}
    assert list(runs) == ["seed-0/round-00", "seed-0/round-01"]
    for run in runs.values():
        assert run.exit_code == 0
        assert [row["epoch"] for row in run.logged] == list(range(1, 21))
    assert runs["seed-0/round-00"].opened["run_id"] == cut.opened["run_id"]


def test_in_an_interactive_job_a_command_trains_alone_whether_srun_starts_it_or_not(place: Place) -> None:
    lth = f"lth run {LINE} --trainer.max_epochs 1 --folder"
    place.run("salloc", "--ntasks=4", "--job-name=mine", "sh", "-c", f"{lth} one; srun --ntasks=1 {lth} other")
    steps = [(folder.split("/")[0], step) for folder, step in place.begun]
    assert steps == [("one", 0), ("one", 0), ("other", 0), ("other", 0)]
