"""Kept checkpoints against trainings that are stopped by hand after that many steps."""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign import Foreign, fit
from torch import Tensor

from lth_lightning.training import History, KeepCheckpoint, LastCheckpoint, StopAt
from lth_lightning.training.checkpoints import save

AFTER = {"0it": 0, "1it": 1, "3it": 3, "1ep": 4, "4it": 4, "5it": 5, "end": 8}


def stopped_after(steps: int, **options: Any) -> Foreign:
    module = Foreign()
    if steps:
        trainer = fit(module, **options, max_steps=steps)
        assert trainer.global_step == steps
    return module


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def read(path: Path) -> dict[str, Any]:
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    return checkpoint


def test_a_kept_checkpoint_is_the_state_after_exactly_that_many_steps(tmp_path: Path) -> None:
    whole = Foreign()
    fit(whole, *(KeepCheckpoint(tmp_path / moment, moment) for moment in AFTER))
    for moment, steps in AFTER.items():
        checkpoint = read(tmp_path / moment)
        assert checkpoint["global_step"] == steps
        assert same(checkpoint["state_dict"], stopped_after(steps).state_dict()), moment
    assert same(whole.state_dict(), stopped_after(8).state_dict()), "keeping checkpoints changed the training"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(AFTER)


def test_with_accumulated_gradients_optimizer_steps_are_counted_not_batches(tmp_path: Path) -> None:
    moments = {"1it": 1, "1ep": 2, "3it": 3}
    fit(Foreign(), *(KeepCheckpoint(tmp_path / moment, moment) for moment in moments), accumulate_grad_batches=3)
    for moment, steps in moments.items():
        kept = read(tmp_path / moment)["state_dict"]
        by_hand = stopped_after(steps, accumulate_grad_batches=3).state_dict()
        for name in ("body.0.weight", "body.4.weight"):
            assert torch.equal(kept[name], by_hand[name]), moment


def test_the_end_within_an_epoch_can_be_kept(tmp_path: Path) -> None:
    module = Foreign()
    fit(module, StopAt(6), History(tmp_path / "metrics.jsonl"), KeepCheckpoint(tmp_path / "end", "end"))
    assert read(tmp_path / "end")["global_step"] == 6
    assert [row["step"] for row in read(tmp_path / "end")["callbacks"]["History"]["rows"]] == [4, 6], (
        "the epoch goes on"
    )
    assert same(read(tmp_path / "end")["state_dict"], module.state_dict())


@pytest.mark.parametrize("options", [{}, {"max_steps": 6}, {"max_epochs": 1}], ids=str)
def test_a_moment_beyond_the_end_is_refused_before_any_training(options: dict[str, Any], tmp_path: Path) -> None:
    module = Foreign()
    with pytest.raises(ValueError, match=r"training ends after \d steps, before 9it \(step 9\): choose an earlier"):
        fit(module, KeepCheckpoint(tmp_path / "kept", "9it"), **options)
    assert module.batches == 0
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_a_training_without_one_is_refused_before_any_training(tmp_path: Path) -> None:
    module = Foreign()
    with pytest.raises(ValueError, match=r"this training has no end, so end never comes: set trainer\.max_epochs"):
        fit(module, KeepCheckpoint(tmp_path / "kept", "end"), max_epochs=-1)
    assert module.batches == 0


@pytest.mark.parametrize("text", ["500", "2 epochs"])
def test_a_misspelt_moment_is_refused_where_it_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="a moment of training is written like '500it'"):
        KeepCheckpoint("kept", text)


def test_a_resumed_training_without_the_checkpoint_it_should_have_kept_is_refused(tmp_path: Path) -> None:
    fit(Foreign(), KeepCheckpoint(tmp_path / "1ep", "1ep"))
    with pytest.raises(FileNotFoundError, match=r"kept is missing, and training resumes after 3it: delete its folder"):
        fit(Foreign(), KeepCheckpoint(tmp_path / "kept", "3it"), start=tmp_path / "1ep")


def test_a_checkpoint_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    fit(Foreign(), KeepCheckpoint(tmp_path / "1ep", "1ep"), KeepCheckpoint(tmp_path / "kept", "1ep"))
    before = (tmp_path / "kept").read_bytes()
    fit(Foreign(), KeepCheckpoint(tmp_path / "kept", "1ep"), start=tmp_path / "1ep")
    assert (tmp_path / "kept").read_bytes() == before


def test_a_crash_while_writing_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder" / "last.ckpt"
    trainer = fit(Foreign())
    save(trainer, path)
    before = path.read_bytes()

    def full_disk(partial: Path) -> None:
        Path(partial).write_bytes(before[:100])
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(trainer, "save_checkpoint", full_disk)
    with pytest.raises(OSError, match="no space left"):
        save(trainer, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_last_checkpoint_is_saved_between_steps_and_at_the_end(tmp_path: Path) -> None:
    class Steps(LastCheckpoint):
        def __init__(self, path: Path, seconds: float) -> None:
            super().__init__(path, seconds)
            self.steps: list[int] = []

        def _save(self, trainer: Any) -> None:
            super()._save(trainer)
            self.steps.append(read(self.path)["global_step"])

    often, seldom, stopped = (Steps(tmp_path / name, wait) for name, wait in [("a", 0), ("b", 1000), ("c", 0)])
    module = Foreign()
    fit(module, often)
    fit(Foreign(), seldom)
    fit(Foreign(), StopAt(6), stopped)
    assert often.steps == [1, 2, 3, 4, 5, 6, 7, 8]
    assert seldom.steps == [8]
    assert stopped.steps == [1, 2, 3, 4, 5, 6]
    for last in (often, seldom):
        assert same(read(last.path)["state_dict"], module.state_dict())


def test_half_accumulated_gradients_are_in_no_checkpoint(tmp_path: Path) -> None:
    saved = []

    class Batches(LastCheckpoint):
        def _save(self, trainer: Any) -> None:
            super()._save(trainer)
            saved.append(read(self.path)["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]["processed"])

    fit(Foreign(), Batches(tmp_path / "last", 0), accumulate_grad_batches=2, max_epochs=1)
    assert saved == [2, 4]


def test_resuming_a_training_that_had_ended_early_trains_no_further_and_tells_nothing_twice(tmp_path: Path) -> None:
    module, resumed = Foreign(), Foreign()
    fit(module, StopAt(6), History(tmp_path / "rows"), LastCheckpoint(tmp_path / "last"), max_epochs=5)
    whole = (tmp_path / "rows").read_text()
    again = [StopAt(6), History(tmp_path / "rows"), LastCheckpoint(tmp_path / "last")]
    fit(resumed, *again, start=tmp_path / "last", max_epochs=5)
    assert module.batches == 6
    assert resumed.batches == 0
    assert same(module.state_dict(), resumed.state_dict())
    assert (tmp_path / "rows").read_text() == whole
    assert len(whole.splitlines()) == 2
