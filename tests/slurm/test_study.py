"""A study that tasks of a real SLURM share: whoever does what, and is cut, it ends as if one had done it all."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
from jobs import Job, Place

from lth_lightning.slurm import submit

pytestmark = [pytest.mark.slurm, pytest.mark.slow]
STUDY = """
experiment:
  class_path: Study
  init_args:
    methods:
      omp: {class_path: OneShotPruning, init_args: {densities: [0.5], controls: []}}
      imp: {class_path: IterativePruning, init_args: {rounds: 1, keep: 0.5, controls: []}}
    grid:
      model.optimizer.lr: [0.001, 0.01]
model:
  init_args:
    net:
      init_args: {width: 0.125}
data:
  init_args: {subset: 500}
trainer: {max_epochs: 20}
seeds: [0, 1]
"""
WORDS = ["--config", "digits", "--config", "study.yaml", "--folder", "run"]


def shared(path: Path) -> Place:
    place = Place(path)
    (path / "study.yaml").write_text(STUDY)
    return place


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a study's folder holds that one process ran in one go, in no job."""
    place = shared(tmp_path_factory.mktemp("alone"))
    place.run("lth", "run", *WORDS)
    assert len(place.begun) == 12
    return tiny.of_a_run(place.path / "run")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = shared(tmp_path / "place")
    yield place
    for job in place.jobs:
        job.cancel()


def in_the_middle(place: Place, task: str) -> bool:
    """Whether a task is training."""
    return any(1 < place.epochs(folder) < 15 for folder, _, by in place.lines if by == task)


def check(place: Place, alone: dict[str, Any]) -> None:
    """All is as one process does it, each training was begun once, and went on where it was cut, if it was."""
    assert tiny.of_a_run(place.path / "run") == alone
    starts: dict[str, list[int]] = {}
    for folder, step in place.begun:
        starts.setdefault(folder, []).append(step)
    assert len(starts) == 12
    for folder, steps in starts.items():
        assert steps == sorted({*steps}), f"{folder} begun twice at the same step"
        assert steps[0] == 0
    assert any(len(steps) > 1 for steps in starts.values()), "a training was cut in its middle"
    assert len({task for _, _, task in place.lines}) > 1, "several tasks did something"


def test_lth_submits_an_array_that_shares_a_study_and_again_only_what_is_missing(
    place: Place, alone: dict[str, Any]
) -> None:
    said = place.run("lth", "run", *WORDS, "--slurm", "3")
    number = re.findall(r"job (\d+) is submitted: 3 tasks", said)[0]
    job = place.follow(number)
    assert len(job.states) == 3
    # not by the command, which may take as long to begin as the study does to end
    assert "nothing was submitted: 3 tasks are" in submit(WORDS, place.path / "run", missing=8, most=3)
    for task, how in (("0", ["scontrol", "requeue"]), ("1", ["scancel", "--signal=USR1"])):
        one = place.follow(f"{number}_{task}")
        one.until(lambda task=task: in_the_middle(place, f"{task}-0"))
        place.run(*how, one.name)
        one.again()
    job.finish()
    check(place, alone)
    assert place.follow(f"{number}_1").requeued_itself()
    assert "nothing is left to do" in place.run("lth", "run", *WORDS, "--slurm", "3")
    more = place.run("lth", "run", *WORDS, "--seeds", "[0,1,2]", "--slurm", "2")
    place.follow(re.findall(r"job (\d+) is submitted: 2 tasks", more)[0])


@pytest.mark.parametrize(
    ("file", "options"), [("node", ["--ntasks=2"]), ("nodes", ["--nodes=2", "--ntasks-per-node=1"])]
)
def test_the_processes_of_one_job_share_a_study_and_the_last_of_them_to_stop_requeues_it(
    file: str, options: list[str], place: Place, alone: dict[str, Any]
) -> None:
    job: Job = place.submit(file, WORDS, *options)
    job.until(lambda: in_the_middle(place, "-0") or in_the_middle(place, "-1"))
    place.run("scancel", "--signal=USR1", job.name)
    job.again()
    assert job.requeued_itself()
    assert job.output.count("is requeued, and continues where it was\n") <= 1
    job.finish()
    check(place, alone)
