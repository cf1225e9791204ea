import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from lth_lightning.report import curves, read


def append(folder: Path, text: str) -> None:
    with (folder / "results.jsonl").open("a") as stream:
        stream.write(text)


def test_every_finished_training_is_a_row_with_its_seconds(tmp_path: Path, write_training: Callable[..., None]) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.97)
    write_training(tmp_path, arm="ticket", seed=0, round=2, accuracy=0.96)
    table = read(tmp_path)
    assert table["arm"].tolist() == ["dense", "ticket"]
    assert table["seconds"].tolist() == [12.5, 14.5]
    assert table["test_accuracy"].tolist() == pytest.approx([0.966, 0.956])
    assert table["folder"].tolist() == ["seed-0/round-00", "seed-0/round-02"]


def test_a_line_cut_off_does_not_hide_the_others(tmp_path: Path, write_training: Callable[..., None]) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.97)
    write_training(tmp_path, arm="ticket", seed=0, round=1, accuracy=0.96)
    append(tmp_path, '{"schema": 1, "arm": "ticket", "seed": 0, "ro')
    with pytest.warns(UserWarning, match="line 3"):
        table = read(tmp_path)
    assert len(table) == 2
    assert table.attrs["unreadable_lines"] == [3]


@pytest.mark.parametrize(
    "line", ["17", "[]", "null", "{}", '{"arm": "ticket"}', '{"arm": 3, "seed": 0, "round": 1}', "\x00\ufffd"]
)
def test_what_is_no_row_is_left_out(tmp_path: Path, write_training: Callable[..., None], line: str) -> None:
    append(tmp_path, line + "\n")
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.97)
    with pytest.warns(UserWarning, match="line 1"):
        assert read(tmp_path)["arm"].tolist() == ["dense"]


def test_bytes_cut_within_a_letter_are_left_out(tmp_path: Path, write_training: Callable[..., None]) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.97)
    with (tmp_path / "results.jsonl").open("ab") as stream:
        stream.write('{"arm": "é'.encode()[:-1])
    with pytest.warns(UserWarning, match="line 2"):
        assert len(read(tmp_path)) == 1


def test_a_training_written_twice_counts_once(tmp_path: Path, write_training: Callable[..., None]) -> None:
    write_training(tmp_path, arm="ticket", seed=0, round=1, accuracy=0.5)
    write_training(tmp_path, arm="ticket", seed=1, round=1, accuracy=0.6)
    write_training(tmp_path, arm="ticket", seed=0, round=1, accuracy=0.7)
    assert read(tmp_path)["val_accuracy"].tolist() == [0.7, 0.6]


def test_missing_values_and_foreign_columns_are_kept_as_they_are(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=math.nan, test_accuracy=None, learning_rate=0.1)
    append(tmp_path, '{"arm": "ticket", "seed": 0, "round": 1, "folder": null}\n')
    table = read(tmp_path)
    assert table["val_accuracy"].isna().all()
    assert table["test_accuracy"].isna().all()
    assert table["learning_rate"].tolist()[0] == 0.1
    assert math.isnan(table["seconds"][1])


@pytest.mark.parametrize("content", [None, "", "{", "[1]", '{"seconds": null}'])
def test_a_training_without_a_wall_time_has_none(
    tmp_path: Path, write_training: Callable[..., None], content: str | None
) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.97)
    file = tmp_path / "seed-0/round-00/timing.json"
    file.unlink() if content is None else file.write_text(content)
    assert read(tmp_path)["seconds"].isna().all()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        read(tmp_path / "nowhere")


def test_a_foreign_folder_is_refused_and_the_right_one_proposed(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no results\.jsonl"):
        read(tmp_path)
    write_training(tmp_path / "imp", arm="dense", seed=0, round=0, accuracy=0.97)
    with pytest.raises(FileNotFoundError, match=r"perhaps '.*imp'"):
        read(tmp_path)


def test_a_folder_in_which_nothing_has_finished_says_so(tmp_path: Path) -> None:
    append(tmp_path, "")
    with pytest.raises(FileNotFoundError, match="no finished training yet"):
        read(tmp_path)


def test_curves_have_a_row_per_epoch_with_its_training(tmp_path: Path, write_training: Callable[..., None]) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.97, epochs=4)
    write_training(tmp_path, arm="ticket", seed=1, round=2, accuracy=0.97, epochs=4)
    table = curves(tmp_path)
    tickets = table[table["arm"] == "ticket"]
    assert table[table["arm"] == "dense"]["epoch"].tolist() == [1, 2, 3, 4]
    assert tickets["epoch"].tolist() == [2, 3, 4]
    assert set(tickets["seed"]) == {1}
    assert tickets["density"].iloc[0] == pytest.approx(0.36, abs=1e-4)


def test_an_epoch_that_was_written_again_after_a_crash_counts_once(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.97, epochs=2)
    with (tmp_path / "seed-0/round-00/metrics.jsonl").open("a") as stream:
        stream.write(
            json.dumps({"epoch": 2, "step": 22, "val_accuracy": 0.25, "val_loss": None}) + '\n{"epoch": 3, "st'
        )
    table = curves(tmp_path)
    assert table["epoch"].tolist() == [1, 2]
    assert table["val_accuracy"].tolist()[1] == 0.25


def test_trainings_without_curves_have_no_rows(tmp_path: Path, write_training: Callable[..., None]) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.97)
    (tmp_path / "seed-0/round-00/metrics.jsonl").unlink()
    table = curves(tmp_path)
    assert len(table) == 0
    assert {"arm", "seed", "round", "density", "epoch", "val_accuracy"} <= set(table.columns)
