"""A study that several processes of a machine share by `--jobs`."""

import os
import signal
import time
from pathlib import Path

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from killed import Lth
from typed import Said, lth

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
        ("--config digits --config imp --folder run --jobs 2", "--jobs 2 shares the parts of a study, and this is a"),
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


def begun(place: Path, name: str, *more: str) -> Lth:
    (place / "mine.yaml").write_text(STUDY)
    return Lth(place, [*WORDS, *more], name)


def contents(place: Path) -> dict[str, object]:
    found = tiny.of_a_run(place / "run")
    return {name: value for name, value in found.items() if not name.startswith("jobs/")}


@pytest.mark.slow
def test_a_shared_study_is_the_same_and_goes_on_where_a_signal_stopped_it(tmp_path: Path) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    begun(tmp_path / "whole", "").finish()
    expected = contents(tmp_path / "whole")
    first = begun(tmp_path / "cut", "first", "--jobs", "2", "--save_seconds", "0")
    run = tmp_path / "cut" / "run"
    while not any(run.rglob("last.ckpt")) and first.process.is_alive():
        time.sleep(0.02)
    assert first.process.pid is not None
    os.kill(first.process.pid, signal.SIGTERM)
    first.process.join()
    assert first.process.exitcode == 128 + signal.SIGTERM, first.output.read_text()
    assert "the same command line continues where it was" in first.output.read_text()
    unfinished = {path.parent for path in run.rglob("last.ckpt")} - {path.parent for path in run.rglob("result.pt")}
    second = begun(tmp_path / "cut", "second", "--jobs", "2")
    second.finish()
    assert contents(tmp_path / "cut") == expected
    assert len(list((run / "jobs").glob("*.log"))) == 2
    assert "12/12 seed-" in second.output.read_text()
    assert all((folder / "result.pt").exists() for folder in unfinished)
