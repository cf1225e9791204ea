import json
from pathlib import Path
from typing import Any

import pytest
from foreign import Batches, Foreign, fit, trainer
from torch import Tensor, nn, optim

from lth_lightning.training import Classifier, History, KeepCheckpoint, LastCheckpoint

Row = dict[str, Any]


class Logs(Foreign):
    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=6)
        self.log("batch", float(batch_idx), on_step=False, on_epoch=True, batch_size=6)
        return loss


def rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_there_is_a_row_per_epoch_with_steps_rate_and_metrics(tmp_path: Path) -> None:
    fit(Logs(), History(tmp_path / "made" / "metrics.jsonl"), max_epochs=3)
    found = rows(tmp_path / "made" / "metrics.jsonl")
    assert [list(row) for row in found] == [["epoch", "step", "lr", "loss", "batch"]] * 3
    assert [(row["epoch"], row["step"], row["lr"], row["batch"]) for row in found] == [
        (1, 4, 0.1, 1.5),
        (2, 8, 0.1, 1.5),
        (3, 12, 0.1, 1.5),
    ]
    assert len({row["loss"] for row in found}) == 3


def test_the_listener_is_told_each_row_as_it_comes(tmp_path: Path) -> None:
    told: list[Row] = []
    path = tmp_path / "metrics.jsonl"

    def listen(row: Row) -> None:
        told.append(row)
        assert rows(path) == told, "the file is the truth, so it comes first"

    fit(Logs(), History(path, listen), max_epochs=3)
    assert len(told) == 3


@pytest.mark.parametrize("kept", ["1ep", "2ep", "end"])
def test_after_resuming_no_epoch_is_there_twice_and_none_is_missing(kept: str, tmp_path: Path) -> None:
    path, told = tmp_path / "metrics.jsonl", []
    fit(Logs(), History(path), KeepCheckpoint(tmp_path / "kept", kept), max_epochs=3)
    whole = path.read_text()
    path.write_text(whole + '{"epoch": 4, "half a ro')  # whatever was there when it was cut
    fit(Logs(), History(path, told.append), start=tmp_path / "kept", max_epochs=3)
    assert told == [json.loads(line) for line in whole.splitlines()]
    if kept != "end":
        assert path.read_text() == whole


def test_a_cut_while_writing_leaves_the_rows_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    fit(Logs(), History(path), max_epochs=1)
    before = path.read_text()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(InterruptedError()))
    with pytest.raises(InterruptedError):
        fit(Logs(), History(path), max_epochs=2)
    assert path.read_text() == before


def test_the_metrics_of_a_classifier_are_written_under_their_names(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    module = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), lambda p: optim.SGD(p, lr=0.5))
    trainer(History(path), LastCheckpoint(tmp_path / "last")).fit(module, Batches(), Batches(2))
    for row in rows(path):
        assert set(row) == {"epoch", "step", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy"}
        assert row["lr"] == 0.5
