import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lth_lightning.report import curves, read
from lth_lightning.report.intervals import levels, paired_difference
from lth_lightning.report.setting import Setting
from lth_lightning.report.settings import methods, pooled, settings
from lth_lightning.report.verdict import verdict

Write = Callable[..., Path]
GRID = {"lr": [0.1, 0.01], "length": ["short", "long"]}


def told(method: str | None, point: dict[str, Any], arm: str, density: float) -> float:
    """Every cell has a value of its own, so that one which strays is seen."""
    places = {"dense": 0, "ticket": 1, "reinitialised": 2, "small_dense": 3}
    rates, lengths = {0.1: 0, 0.01: 1}, {"short": 0, "long": 1}
    return (
        0.5
        + 0.1 * rates[point["lr"]]
        + 0.05 * lengths[point["length"]]
        + 0.01 * places[arm]
        + 0.001 * (0 if method is None else {"imp": 1, "omp": 2}[method])
        + 0.0001 * density
    )


@pytest.fixture(name="table", scope="module")
def table_of(tmp_path_factory: pytest.TempPathFactory, write_study: Write) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("study")
    write_study(folder, grid=GRID, densities=(0.5, 0.1), seeds=2, noise=0, accuracy=told)
    return read(folder)


def test_a_study_is_one_table_in_a_fixed_order_with_a_column_per_axis(table: pd.DataFrame) -> None:
    assert len(table) == 2 * 4 * (1 + 2 + 2 * 2 * 2)  # seeds, points; dense, small dense, two methods of two arms
    assert (table.attrs["study"], table.attrs["axes"]) == ("ma2021", ["lr", "length"])
    keys = [
        (seed, GRID["lr"].index(lr), GRID["length"].index(length), method or "", number, folder)
        for seed, lr, length, method, number, folder in zip(
            *(table[name] for name in ("seed", "lr", "length", "method", "round", "folder")), strict=True
        )
    ]
    assert keys == sorted(keys)
    assert set(table["data"]) == {"CIFAR10"}
    shared = table[[method is None for method in table["method"]]]
    assert set(shared["arm"]) == {"dense", "small_dense"}
    assert table["seconds"].unique().tolist() == [60.0]


def test_no_setting_has_a_value_of_another(table: pd.DataFrame) -> None:
    found = settings(table)
    assert [(s.method, s.at["lr"], s.at["length"]) for s in found] == [
        (method, lr, length) for lr in (0.1, 0.01) for length in ("short", "long") for method in ("imp", "omp")
    ]
    for setting, own in found.items():
        assert len(own) == 2 * (1 + 3 * 2)
        for training in own.to_dict("records"):
            method = training["method"]
            assert method in (None, setting.method)
            assert training["test_accuracy"] == told(method, setting.at, training["arm"], training["density_asked"])


def test_what_looks_at_one_experiment_looks_at_a_setting(table: pd.DataFrame) -> None:
    own = settings(table)[Setting("omp", (("lr", 0.01), ("length", "long")))]
    for number in (1, 2):
        assert paired_difference(own, "ticket", "small_dense", round=number).mean == pytest.approx(-0.02 + 0.002)
        assert paired_difference(own, "ticket", "dense", round=number).mean == pytest.approx(0.012, abs=1e-4)
    assert len(levels(own, "test_accuracy")) == 1 + 3 * 2


def test_shared_small_dense_networks_get_the_round_of_the_ticket_that_they_match(
    tmp_path: Path, append_row: Callable[..., None]
) -> None:
    for method, densities in (("imp", (0.5, 0.25)), ("omp", (0.25, 0.1))):
        for number, density in enumerate(densities, start=1):
            here = {"seed": 0, "point": {}, "density": density}
            append_row(tmp_path, arm="ticket", round=number, accuracy=0.9, method=method, **here)
    for density in (0.5001, 0.25, 0.09995, 0.26, 0.3):
        append_row(tmp_path, arm="small_dense", seed=0, round=0, density=density, accuracy=0.8, point={}, method=None)
    rounds = {
        setting.method: {
            d: r for a, d, r in zip(own["arm"], own["density_asked"], own["round"], strict=True) if a == "small_dense"
        }
        for setting, own in settings(read(tmp_path)).items()
    }
    assert rounds == {"imp": {0.5001: 1, 0.25: 2}, "omp": {0.25: 1, 0.09995: 2}}


def test_learning_rates_are_pooled_in_a_column(table: pd.DataFrame) -> None:
    found = pooled(table)
    assert list(found) == [Setting(m, (("length", length),)) for length in ("short", "long") for m in ("imp", "omp")]
    for setting, own in found.items():
        assert set(own["lr"]) == {0.1, 0.01}
        for training in own.to_dict("records"):
            at = setting.at | {"lr": training["lr"]}
            assert training["test_accuracy"] == told(training["method"], at, training["arm"], training["density_asked"])
        assert list(verdict(own)[0].strict.rates) == [0.01, 0.1]


def test_an_axis_called_as_a_column_stays_in_the_setting_and_leaves_the_column(
    tmp_path: Path, write_study: Write
) -> None:
    write_study(tmp_path, grid={"epochs": [3, 4]}, densities=(0.5,), accuracy=lambda *_: 0.9)
    table = read(tmp_path)
    assert set(table["epochs"]) == {12.0}
    assert [s.place for s in settings(table) if s.method == "imp"] == ["epochs 3", "epochs 4"]


def test_a_plain_experiment_is_one_setting_without_a_name(tmp_path: Path, write_experiment: Write) -> None:
    table = read(write_experiment(tmp_path, seeds=2, rounds=2))
    (setting,) = settings(table)
    assert (setting, setting.place, methods(table)) == (Setting(""), "", [""])
    assert settings(table)[setting].equals(table)
    assert (table.attrs["study"], table.attrs["axes"]) == (None, [])


def test_learning_rates_without_an_axis_of_their_own_are_never_mixed(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    for lr in (0.1, 0.01):
        write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.9 + lr, epochs=1, lr=lr, where=f"{lr}")
    table = read(tmp_path)
    assert [setting.place for setting in settings(table)] == ["lr 0.01", "lr 0.1"]
    assert [own["val_accuracy"].tolist() for own in settings(table).values()] == [[0.91], [1.0]]
    assert set(pooled(table)[Setting("")]["lr"]) == {0.1, 0.01}


def test_older_rows_have_the_learning_rate_and_data_of_the_others(
    tmp_path: Path, write_training: Callable[..., None]
) -> None:
    write_training(tmp_path, arm="dense", seed=0, round=0, accuracy=0.9, epochs=1)
    write_training(tmp_path, arm="ticket", seed=0, round=1, accuracy=0.9, epochs=1, lr=0.1, data="Digits")
    table = read(tmp_path)
    assert table["lr"].tolist() == [0.1, 0.1]
    assert table["data"].tolist() == ["Digits", "Digits"]


def test_failed_trainings_and_checks_that_do_not_apply_are_told(tmp_path: Path, write_study: Write) -> None:
    write_study(tmp_path, seeds=1, densities=(0.5,))
    for place, reason in {"imp/round-02": "diverged: the loss is nan.", "omp/round-02": None}.items():
        (tmp_path / "seed-0/lr-0.1" / place).mkdir()
        (tmp_path / "seed-0/lr-0.1" / place / "failed.json").write_text(json.dumps({"reason": reason}))
    retried = tmp_path / "seed-0/lr-0.1/imp/round-01"
    (retried / "failed.json").write_text('{"reason": "out of memory"}')
    (retried / "result.pt").touch()
    (tmp_path / "not_applicable.json").write_text('{"imp/random_labels": "It sees no data.", "half_data": "All."}')
    (tmp_path / "seed-0/lr-0.1/omp/not_applicable.json").write_text('{"random_labels": "Neither does this."}')
    table = read(tmp_path)
    assert table.attrs["failed"] == {
        "seed-0/lr-0.1/imp/round-02": "diverged: the loss is nan",
        "seed-0/lr-0.1/omp/round-02": "for a reason that its note does not tell",
    }
    reasons = {s.method: own.attrs["not_applicable"] for s, own in settings(table).items()}
    assert reasons == {
        "imp": {"random_labels": "It sees no data", "half_data": "All"},
        "omp": {"random_labels": "Neither does this", "half_data": "All"},
    }


def test_a_line_cut_off_in_the_table_of_a_unit_is_named(tmp_path: Path, write_study: Write) -> None:
    write_study(tmp_path, seeds=1, densities=(0.5,))
    with (tmp_path / "seed-0/lr-0.1/imp/results.jsonl").open("a") as stream:
        stream.write('{"arm": "tick')
    with pytest.warns(UserWarning, match="not a complete row"):
        table = read(tmp_path)
    assert table.attrs["unreadable_lines"] == ["seed-0/lr-0.1/imp/results.jsonl line 3"]


def test_the_folder_above_a_study_is_refused_and_the_study_proposed(tmp_path: Path, write_study: Write) -> None:
    write_study(tmp_path / "ma2021", seeds=1, densities=(0.5,))
    with pytest.raises(FileNotFoundError, match=r"perhaps '.*ma2021'"):
        read(tmp_path)


def test_the_curves_of_a_study_tell_method_and_point(tmp_path: Path, write_study: Write) -> None:
    write_study(tmp_path, grid={"lr": [0.1], "length": ["short"]}, seeds=1, densities=(0.5,), accuracy=told)
    file = tmp_path / "seed-0/lr-0.1_length-short/imp/round-01/metrics.jsonl"
    file.write_text('{"epoch": 1, "step": 11, "lr": 0.05, "val_accuracy": 0.5}\n')
    (line,) = curves(tmp_path).to_dict("records")
    assert (line["method"], line["length"], line["lr"], line["val_accuracy"]) == ("imp", "short", 0.05, 0.5)
