"""`lth bench`, and the floor of a step."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from typed import lth

from lth_lightning.benching import FIT, HAND, LOADER, MASKED, shares_of
from lth_lightning.floor import PASSES, floor_of


def test_the_floor_counts_what_layers_multiply_and_move_and_measures_the_device() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10))
    floor = floor_of(net.train(), (3, 4, 4), 5, torch.device("cpu"), torch.float32)
    multiplied = 2 * (3 * 8 * 9 * 16) + 2 * 128 * 10
    moved = (48 + 128) + (128 + 128) + (128 + 128) + (128 + 10)
    assert floor.operations == 5 * PASSES * multiplied
    assert floor.bytes == 5 * PASSES * moved * 4
    assert floor.seconds == max(floor.operations / floor.per_second, floor.bytes / floor.bandwidth) > 0
    assert net.training
    half = floor_of(net, (3, 4, 4), 5, torch.device("cpu"), torch.bfloat16)
    assert half.bytes == floor.bytes / 2


def test_every_way_of_a_step_is_timed_and_nothing_is_left(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = lth("bench --config digits --turns 2 --at_once [3] --data.batch_size 32", capsys)
    assert (said.code, said.err) == (0, "")
    rows = re.findall(r"^ ?(by hand|lth.*?|loader alone|3 such.*?) {2,}([\d.]+) +([\d,]+) +([\d.]+)", said.out, re.M)
    assert [name for name, *_ in rows] == [
        "by hand", "lth", "lth, half of the weights pruned", "loader alone", "3 such at once, each"
    ]  # fmt: skip
    for _, milliseconds, images, _ in rows[:3]:
        assert float(images.replace(",", "")) == pytest.approx(32e3 / float(milliseconds), rel=1e-2)
    assert rows[0][3] == "1.000"
    for what in (
        "LeNet300100 of 50,610 parameters, batches of 32",
        "floor of a step: ",
        "framework ",
        "evaluation: ",
        "of an epoch's time",
    ):
        assert what in said.out
    assert not [*tmp_path.iterdir()]


def test_shares_are_those_of_each_turn_however_slow_the_machine_becomes() -> None:
    slower = [1.0, 1.0, 3.0, 3.0, 9.0, 9.0]
    own = {HAND: 8.0, FIT: 9.0, MASKED: 10.0, LOADER: 0.5}
    times = {way: [seconds * factor for factor in slower] for way, seconds in own.items()}
    assert shares_of(times) == (
        "framework 10.0% (10.0% to 10.0%), mask 10.0% (10.0% to 10.0%), data 5.0% (5.0% to 5.0%)"
    )
    times[MASKED][1:4] = [9.0, 27.0, 27.0]
    assert "mask 5.0% (0.0% to 10.0%)" in shares_of(times)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--config digits --data.batch_size 1000", "an epoch has 2 batches, too few to time: give more images"),
        ("--config digits --turns 0", "turns is 0: time each way once or more"),
        ("--config digits --at_once [0]", "at_once is [0]: give numbers of trainings, each 1 or more"),
        ("", "a task (--config digits) is missing"),
    ],
)
def test_what_cannot_be_timed_is_one_sentence(words: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = lth(f"bench {words}", capsys)
    assert said.code == 2
    assert told in said.err
    assert len(said.err.splitlines()) == 1
