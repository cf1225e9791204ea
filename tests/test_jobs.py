"""A study, or the seeds of an experiment, that several processes of a machine share."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from killed import Lth
from tracked import recorded
from typed import Said, lth

from lth_lightning.files import in_use
from lth_lightning.training.devices import environments

STUDY = """
experiment:
  class_path: Study
  init_args:
    name: shared
    grid:
      model.optimizer.lr: [0.001, 0.01]
    methods:
      imp: {class_path: IterativePruning, init_args: {rounds: 1, keep: 0.5}}
      omp: {class_path: OneShotPruning, init_args: {densities: [0.3]}}
seeds: [0, 1]
trainer:
  max_epochs: 3
"""
SEEDS = """
experiment:
  class_path: IterativePruning
  init_args:
    rounds: 1
    keep: 0.5
    controls: [Reinitialised]
seeds: [0, 1, 2]
trainer:
  max_epochs: 3
"""
WORDS = ["run", "--config", "digits", "--config", "mine.yaml", "--folder", "run"]


@given(count=st.integers(1, 9), cores=st.integers(1, 64), gpus=st.integers(0, 4))
def test_processes_share_cores_and_take_gpus_in_turn(count: int, cores: int, gpus: int) -> None:
    around = environments(count, {"HOME": "/home"}, cores, gpus)
    threads = [int(each["OMP_NUM_THREADS"]) for each in around]
    assert len(around) == count
    assert min(threads) >= 1
    assert sum(threads) <= max(cores, count)
    taken = [each.get("CUDA_VISIBLE_DEVICES") for each in around]
    assert taken == ([str(number % gpus) for number in range(count)] if gpus else [None] * count)
    assert all(each["HOME"] == "/home" for each in around)


def test_gpus_and_threads_that_were_given_are_kept() -> None:
    first, second, third = environments(3, {"CUDA_VISIBLE_DEVICES": "5,7", "OMP_NUM_THREADS": "6"}, 16, 8)
    assert [each["CUDA_VISIBLE_DEVICES"] for each in (first, second, third)] == ["5", "7", "5"]
    assert first["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "--config digits --config imp --folder run --jobs 2",
            "this is one experiment with one seed: give it more",
        ),
        ("--config digits --config ma2021_small --folder run --jobs 0", "--jobs is '0': say how many may run at once"),
        ("--config digits --config ma2021_small --folder run --jobs all", "--jobs is 'all': say how many"),
    ],
)
def test_what_cannot_be_shared_is_one_sentence(
    words: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["lth"])
    monkeypatch.chdir(tmp_path)
    told: Said = lth(f"run {words}", capsys)
    assert told.code == 2
    assert said in told.err


def begun(place: Path, config: str, name: str, *more: str) -> Lth:
    (place / "mine.yaml").write_text(config)
    return Lth(place, [*WORDS, *more], name)


def contents(place: Path) -> dict[str, object]:
    found = tiny.of_a_run(place / "run")
    return {name: value for name, value in found.items() if not name.startswith("jobs/")}


def stopped(lth: Lth, run: Path, by: signal.Signals) -> None:
    """Send a signal to a command once it trains."""
    while not any(run.rglob("last.ckpt")) and lth.process.is_alive():
        time.sleep(0.02)
    assert lth.process.pid is not None
    os.kill(lth.process.pid, by)
    lth.process.join()
    assert lth.process.exitcode == (128 + by if by == signal.SIGTERM else -by), lth.output.read_text()


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    return tmp_path / "whole", tmp_path / "cut"


@pytest.mark.slow
@pytest.mark.parametrize(("config", "trainings"), [(STUDY, 12), (SEEDS, 9)], ids=["study", "seeds"])
def test_what_is_shared_is_the_same_and_goes_on_where_a_signal_stopped_it(
    config: str, trainings: int, places: tuple[Path, Path]
) -> None:
    whole, cut = places
    begun(whole, config, "").finish()
    first = begun(cut, config, "first", "--jobs", "2", "--save_seconds", "0")
    run = cut / "run"
    stopped(first, run, signal.SIGTERM)
    assert "the same command line continues where it was" in first.output.read_text()
    unfinished = {path.parent for path in run.rglob("last.ckpt")} - {path.parent for path in run.rglob("result.pt")}
    second = begun(cut, config, "second", "--jobs", "2")
    second.finish()
    assert contents(cut) == contents(whole)
    assert len(list((run / "jobs").glob("*.log"))) == 2
    assert f"{trainings}/{trainings} seed-" in second.output.read_text()
    assert all((folder / "result.pt").exists() for folder in unfinished)


@pytest.mark.slow
def test_a_killed_parent_costs_nothing_and_all_seeds_are_one_group_of_curves(places: tuple[Path, Path]) -> None:
    whole, cut = places
    begun(whole, SEEDS, "", "--track", "offline").finish()
    run = cut / "run"
    first = begun(cut, SEEDS, "first", "--jobs", "2", "--save_seconds", "0", "--track", "offline")
    stopped(first, run, signal.SIGKILL)  # its processes go on
    begun(cut, SEEDS, "second", "--track", "offline").finish()
    while any(in_use(seed) for seed in run.glob("seed-*")):  # of the first
        time.sleep(0.1)
    begun(cut, SEEDS, "third", "--track", "offline").finish()
    curves, done = [], []
    for place in places:
        state = json.loads((place / "run" / "wandb.json").read_text())
        done.append(state["done"])
        curves.append(
            {
                name: (curve.logged, curve.exit_code, curve.opened["run_id"].removesuffix(state["token"]))
                for name, curve in recorded(place / "run" / "wandb").items()
            }
        )
        (place / "run" / "wandb.json").unlink()
        shutil.rmtree(place / "run" / "wandb")
    assert curves[0] == curves[1]
    assert len(curves[0]) == 9 + 3
    assert done[0] == done[1]
    assert len(done[0]) == 9
    assert contents(cut) == contents(whole)


@pytest.mark.slow
def test_two_terminals_share_the_seeds_of_an_experiment_and_a_third_finds_them_taken(
    places: tuple[Path, Path],
) -> None:
    whole, shared = places
    words = ["--seeds", "[0,1]", "--trainer.max_epochs", "30"]  # long enough for others to come
    begun(whole, SEEDS, "", *words).finish()
    both = [begun(shared, SEEDS, f".{number}", *words) for number in range(2)]
    while not all(each.trainings or not each.process.is_alive() for each in both):
        time.sleep(0.02)
    third = begun(shared, SEEDS, ".third", *words)
    for each in (*both, third):
        each.finish()
    assert contents(shared) == contents(whole)
    names = [name for each in (*both, third) for name, _ in each.trainings]
    assert len(names) == len(set(names)) == 6
    assert all(each.trainings for each in both)
    assert not third.trainings
