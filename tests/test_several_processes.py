"""Several devices that train one network, by commands: a process for each, on the CPU."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
import tiny
import torch
from killed import Lth
from typed import rows

WORDS = "--config digits --data.subset 141 --data.batch_size 32 --data.augment true --folder run"  # 127 images: uneven
RUN = f"run {WORDS} --config imp --experiment.rounds 2 --experiment.controls [RearrangedMask] --trainer.max_epochs 3"
LONG = f"fit {WORDS} --trainer.max_epochs 150 --save_seconds 1000"
TOGETHER = "--trainer.devices 2 --trainer.strategy ddp"
# without Adam's sign of a gradient that is none but for rounding, on which the choice of a weight would depend
EXACT = "--trainer.precision 64-true --model.optimizer torch.optim.SGD --model.optimizer.lr 0.1"
RIGL = f"--config rigl {EXACT} --trainer.callbacks.policy.every 2it --trainer.accumulate_grad_batches 2"
TIMED = ", about .*left|.*epoch.*\\n"
TRAINING = "seed-0/round-00"

pytestmark = pytest.mark.slow


def typed(place: Path, line: str, name: str = "") -> Lth:
    return Lth(place, line.split(), name)


def done(place: Path, line: str) -> Path:
    """The folder that a command leaves."""
    typed(place, line).finish()
    return place / "run"


def close(one: Path, other: Path) -> int:
    """Compare checkpoints and masks of two experiments; returns how many trainings there were."""
    results = sorted(one.rglob("result.pt"))
    for result in results:
        there = other / result.relative_to(one)
        mine, theirs = (torch.load(path, weights_only=True)["mask"] for path in (result, there))
        assert tiny.same(mine, theirs)
        for path in result.parent.glob("*.ckpt"):
            theirs = tiny.weights(there.parent / path.name)
            for name, value in tiny.weights(path).items():
                torch.testing.assert_close(theirs[name], value, rtol=1e-4, atol=1e-5)
    return len(results)


@pytest.mark.parametrize(
    ("line", "trainings"),
    [
        (RUN, 5),
        (f"{RUN} {EXACT} --model.net lth_lightning.models.LeNet5 --model.net.size 8 --model.net.padding 2", 5),
        (f"fit {WORDS} --config snip --trainer.max_epochs 3 --trainer.gradient_clip_val 0.5", 1),
        (f"fit {WORDS} {RIGL} --trainer.max_epochs 3", 1),
    ],
)
def test_two_processes_leave_what_one_leaves_up_to_rounding(line: str, trainings: int, tmp_path: Path) -> None:
    one, two = done(tmp_path / "one", line), done(tmp_path / "two", f"{line} {TOGETHER}")
    assert close(one, two) == trainings
    for mine, theirs in zip(rows(one), rows(two), strict=True):
        assert mine.keys() == theirs.keys()
        for key, value in mine.items():
            assert theirs[key] == (pytest.approx(value, rel=1e-4) if isinstance(value, float) else value), key
    assert sorted(tiny.contents(one)) == sorted(tiny.contents(two)), "the same files"
    one_said, two_said = ((tmp_path / f"{name}.output").read_text() for name in ("one", "two"))
    assert re.sub(TIMED, "", one_said) == re.sub(TIMED, "", two_said), "nobody else speaks"


def children(lth: Lth) -> list[int]:
    """The processes that a command began."""
    return [int(each) for each in Path(f"/proc/{lth.process.pid}/task/{lth.process.pid}/children").read_text().split()]


def training(lth: Lth, place: Path) -> bool:
    """Whether it has trained some epochs."""
    curve = place / "run" / TRAINING / "metrics.jsonl"
    return curve.exists() and len(curve.read_text().splitlines()) >= 3


def cut(place: Path, line: str, whom: int, how: signal.Signals) -> Lth:
    """A command, of whose processes one gets a signal while they train: its own (0) or the other (1)."""
    lth = typed(place, line)
    while not training(lth, place):
        assert lth.process.is_alive(), lth.output.read_text()
        time.sleep(0.01)
    pids = [lth.process.pid, *children(lth)]
    assert len(pids) == 2
    os.kill(pids[whom] or 0, how)
    lth.process.join(60)
    end = time.monotonic() + 30
    while Path(f"/proc/{pids[1]}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{pids[1]}").exists(), "the other ends too"
    return lth


@pytest.mark.parametrize("whom", [0, 1])
def test_a_signal_to_one_process_saves_stops_both_and_the_training_goes_on_bit_for_bit(
    whom: int, tmp_path: Path
) -> None:
    line = f"{LONG} {TOGETHER}"
    lth = cut(tmp_path / "cut", line, whom, signal.SIGTERM)
    assert lth.process.exitcode == 143
    assert "terminated: the same command line continues where it was" in lth.output.read_text()
    assert 12 <= tiny.saved(tmp_path / "cut" / "run" / TRAINING) < 600
    saved = tiny.saved(tmp_path / "cut" / "run" / TRAINING)
    (again := typed(tmp_path / "cut", line, "again")).finish()
    assert again.trainings == [(f"run/{TRAINING}", saved)]
    assert tiny.of_a_run(tmp_path / "cut" / "run") == tiny.of_a_run(done(tmp_path / "whole", line))


def test_a_process_that_is_killed_ends_the_command_in_a_sentence(tmp_path: Path) -> None:
    lth = cut(tmp_path / "cut", f"{LONG} {TOGETHER}", 1, signal.SIGKILL)
    assert lth.process.exitcode == 1
    assert "one of the 2 processes that train together failed" in lth.output.read_text()


def test_the_others_end_when_the_first_is_killed(tmp_path: Path) -> None:
    assert cut(tmp_path / "cut", f"{LONG} {TOGETHER}", 0, signal.SIGKILL).process.exitcode == -signal.SIGKILL


def test_a_training_that_diverges_does_not_stop_the_next(tmp_path: Path) -> None:
    line = f"run {WORDS} --config imp --experiment.rounds 1 --experiment.controls [] --trainer.max_epochs 2"
    lth = typed(tmp_path / "two", f"{line} --model.optimizer.lr 1e30 --seeds [0,1] {TOGETHER}")
    lth.process.join()
    assert lth.process.exitcode == 1
    assert "2 of 4 trainings failed, seed-0/round-00 first (diverged" in lth.output.read_text()
