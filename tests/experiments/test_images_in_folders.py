"""Trainings on images that are read from files: cut anywhere they end the same, and what they waited is told."""

import gc
import json
import time
from io import StringIO
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
import tiny
from folders import two_classes
from lightning.pytorch import Callback
from rich.console import Console
from torch import nn

from lth_lightning.data import Folder
from lth_lightning.data.pictures import Pictures
from lth_lightning.experiments import Built, LightningRecipe, Ticket
from lth_lightning.experiments.progress import TerminalProgress
from lth_lightning.report import read
from lth_lightning.report.notes import notes
from lth_lightning.training import Classifier, Seeds, seeded

ADVICE = "training waits for images"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 12 training and 3 test images."""
    return two_classes(tmp_path_factory.mktemp("images"), train=12, val=3)


def recipe(root: Path, images: Path, workers: int, *callbacks: Callback, **options: Any) -> LightningRecipe:
    """3 epochs of 4 batches of 5 images."""

    def build(seeds: Seeds, init: int, width: float | None = None) -> Built:
        with seeded("init", init):
            module = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2)), tiny.momentum)
        data = Folder(str(images), 5, 5, 0.2, size=8, order_seed=seeds.order, augment_seed=seeds.augment)
        data.workers = workers
        return Built(module, data, {"max_epochs": 3, "accelerator": "cpu", "callbacks": [*callbacks]})

    return LightningRecipe(**{**vars(tiny.recipe(root)), "build": build, **options})


def test_a_training_cut_within_an_epoch_ends_bit_for_bit_the_same_whoever_reads(images: Path, tmp_path: Path) -> None:
    recipe(tmp_path / "whole", images, 0).train(Ticket(), tmp_path / "whole" / "a")
    cut = recipe(tmp_path / "cut", images, 1, tiny.Crash("on_train_batch_start", 7), save_seconds=0)
    with pytest.raises(SystemError, match="killed"):
        cut.train(Ticket(), tmp_path / "cut" / "a")
    assert tiny.saved(tmp_path / "cut" / "a") == 6, "of 12, in the second epoch"
    recipe(tmp_path / "cut", images, 1).train(Ticket(), tmp_path / "cut" / "a")
    assert tiny.contents(tmp_path / "cut") == tiny.contents(tmp_path / "whole")


@pytest.mark.slow
def test_what_a_training_waited_for_images_is_in_its_row_and_a_slow_loader_is_named_once(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from, text = Pictures.__getitem__, StringIO()

    def slowly(self: Pictures, asked: Any) -> Any:
        time.sleep(0.4)
        return read_from(self, asked)

    monkeypatch.setattr(Pictures, "__getitem__", slowly)
    with TerminalProgress(Console(file=text), 2, set) as progress:
        for name in ("a", "b"):
            recipe(tmp_path, images, 0, observers=[progress]).train(Ticket(), tmp_path / name)
    assert text.getvalue().count(ADVICE) == 1
    table = read(tmp_path)
    told = json.loads((tmp_path / "a" / "timing.json").read_text())["loader"]
    assert told["images"] == 3 * 3 * 5, "the last batch of an epoch does not count"
    assert told["waiting"] >= 9 * 0.4
    assert table["loader_wait"][0] == told["waiting"] / (told["waiting"] + told["working"])
    assert table["images_per_second"][0] == told["images"] / (told["waiting"] + told["working"])
    (note,) = [note for note in notes(table) if ADVICE in note]
    assert note.startswith("Slower than need be: in ")


@pytest.mark.slow
def test_seconds_of_a_training_that_was_cut_are_added_up_and_those_in_memory_tell_of_no_waiting(
    images: Path, tmp_path: Path
) -> None:
    recipe(tmp_path, images, 0).train(Ticket(), tmp_path / "a")
    before = json.loads((tmp_path / "a" / "timing.json").read_text())["loader"]
    (tmp_path / "a" / "result.pt").unlink()
    (tmp_path / "a" / "last.ckpt").unlink()
    recipe(tmp_path, images, 0).train(Ticket(), tmp_path / "a")
    assert json.loads((tmp_path / "a" / "timing.json").read_text())["loader"]["images"] == 2 * before["images"]
    tiny.recipe(tmp_path / "digits").train(Ticket(), tmp_path / "digits" / "a")
    assert json.loads((tmp_path / "digits" / "a" / "timing.json").read_text()).keys() == {"seconds"}
    assert "loader_wait" not in read(tmp_path / "digits")


@pytest.mark.slow
def test_no_process_reads_on_when_a_training_has_ended(images: Path, tmp_path: Path) -> None:
    gc.collect()  # what other tests have left
    before = set(active_children())
    gc.disable()  # a Trainer and its module hold each other, and would be let go of some time later
    try:
        recipe(tmp_path, images, 1).train(Ticket(), tmp_path / "a")
        assert set(active_children()) <= before
    finally:
        gc.enable()
