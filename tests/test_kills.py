"""Every shipped experiment, killed by SIGKILL at random moments and started again by the same command."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
import yaml
from composing import task_of
from killed import Lth

from lth_lightning import configs

EXPERIMENTS = sorted(path.stem for path in configs.shipped().values() if path.parent.name == "experiments")
SHORTER = {  # by experiment or its class; whatever is not here runs as it is shipped
    "sanity": ["--experiment.init_args.densities", "[0.1]"],
    "IterativePruning": ["--experiment.init_args.rounds", "2"],
    "AdmmPruning": ["--experiment.init_args.densities", "[0.5]"],
    "OneShotPruning": ["--experiment.init_args.densities", "[0.5,0.1]"],
    "Dense": ["--trainer.max_epochs", "30"],
}
SAVINGS = {"after every step": ["--save_seconds", "0"], "as by default": []}


def words(experiment: str) -> list[str]:
    name = yaml.safe_load(configs.shipped()[experiment].read_text())["experiment"]["class_path"]
    shorter = SHORTER.get(experiment, SHORTER.get(name, []))
    composed = ["--config", task_of(experiment), "--config", experiment, "--config", "debug", *shorter]
    return ["run", *composed, "--seeds", "[0,1]", "--folder", "run"]


def halfway(folder: Path) -> bool:
    return (folder / "last.ckpt").exists() and not (folder / "result.pt").exists()


class Uninterrupted:
    """An experiment that ran to its end in one go."""

    def __init__(self, experiment: str, place: Path) -> None:
        self.words = words(experiment)
        begun = time.monotonic()
        lth = Lth(place, self.words)
        lth.finish()
        self.seconds = time.monotonic() - begun
        self.starts = dict(lth.trainings)
        self.ends = {name: tiny.saved(place / name) for name in self.starts}
        self.contents = tiny.of_a_run(place / "run")


@pytest.fixture(scope="module")
def uninterrupted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    return Uninterrupted(request.param, tmp_path_factory.mktemp("whole") / request.param)


@pytest.mark.slow
@pytest.mark.parametrize(  # saved as rarely as by default these are too short to be resumed, which one may show
    ("uninterrupted", "saving"),
    [*((experiment, "after every step") for experiment in EXPERIMENTS), ("imp", "as by default")],
    indirect=["uninterrupted"],
)
def test_an_experiment_killed_at_random_moments_ends_bit_for_bit_as_if_it_had_not_been(
    uninterrupted: Uninterrupted, saving: str, tmp_path: Path
) -> None:
    place, command = tmp_path / "cut", [*uninterrupted.words, *SAVINGS[saving]]
    starts, ends = uninterrupted.starts, uninterrupted.ends
    draws = random.Random(str(command))
    killed, resumed = 0, 0
    for kill in range(9):
        steps = {name: max(start, tiny.saved(place / name)) for name, start in starts.items()}
        unfinished = [name for name in starts if not (place / name / "result.pt").exists()]
        lth = Lth(place, command)
        if kill == 8:
            lth.finish()
        elif kill % 2 and saving == "after every step":
            killed += lth.kill(0, once=lambda _: any(halfway(place / name) for name in starts))
        elif kill % 4:
            killed += lth.kill(draws.uniform(0, uninterrupted.seconds / 8), once=Lth.begun)
        else:
            killed += lth.kill(draws.uniform(0, uninterrupted.seconds / 8))
        due = [(name, steps[name]) for name in unfinished if steps[name] < ends[name]]
        assert lth.trainings == due[: len(lth.trainings)], "begun where it was cut, and nothing finished is redone"
        resumed += any(starts[name] < step for name, step in lth.trainings)
    assert killed >= 1, "a fast machine may finish a short experiment after few kills, but not before the first"
    assert resumed >= 1 or saving == "as by default", "four kills wait for a training that has saved and not ended"
    assert tiny.of_a_run(place / "run") == uninterrupted.contents


@pytest.mark.slow
@pytest.mark.parametrize("uninterrupted", ["imp"], indirect=True)
def test_the_command_can_be_killed_and_typed_again(uninterrupted: Uninterrupted, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lth_lightning", *uninterrupted.words, "--save_seconds", "0"]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "GIT_DIR": "none"}
    for until in ("seed-0/round-00/last.ckpt", "seed-0/random_ticket/round-01/last.ckpt", "seed-1/round-02/last.ckpt"):
        with subprocess.Popen(command, cwd=tmp_path, env=one_thread, stdout=subprocess.DEVNULL) as process:
            while not (tmp_path / "run" / until).exists():
                assert process.poll() is None, f"ended before there was {until}"
                time.sleep(0.005)
            process.kill()
        assert process.returncode == -signal.SIGKILL
    ended = subprocess.run(command, cwd=tmp_path, env=one_thread, capture_output=True, text=True, check=True)
    assert "18 trainings are in run/results.jsonl" in ended.stdout
    assert tiny.of_a_run(tmp_path / "run") == uninterrupted.contents
