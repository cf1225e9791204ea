"""A study by the command line: several processes share it, it grows, and failures stop nobody."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml
from killed import Lth

from lth_lightning.arguments import Arguments
from lth_lightning.cli import main
from lth_lightning.experiments.runner import Run
from lth_lightning.files import held
from lth_lightning.report import read

STUDY: dict[str, Any] = {
    "experiment": {
        "class_path": "Study",
        "init_args": {
            "name": "tiny",
            "grid": {"model.optimizer.lr": [0.001, 0.01]},
            "methods": {
                "imp": {
                    "class_path": "IterativePruning",
                    "init_args": {"rounds": 2, "keep": 0.5, "controls": ["Reinitialised", "SmallDense"]},
                },
                "omp": {
                    "class_path": "OneShotPruning",
                    "init_args": {"densities": [0.25], "controls": ["SmallDense"], "rewind": {"to": "1ep"}},
                },
            },
        },
    },
    "claims": [
        {"says": "tickets win", "of": "imp/ticket", "minus": "imp/reinitialised", "lies": "above"}
        | {"at": {"lr": 0.01, "density": 0.25}}
    ],
}
TRAININGS = 2 * (1 + 2 + 2 + 2 + 1)
WORDS = ["run", "--config", "digits", "--config", "study.yaml", "--folder", "run", "--trainer.max_epochs", "2"]
WORDS += ["--data.subset", "300"]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.setenv("GIT_DIR", "none")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write(STUDY)


def write(config: dict[str, Any], place: Path = Path()) -> None:
    place.mkdir(exist_ok=True)
    (place / "study.yaml").write_text(yaml.safe_dump(config))


def changed(**arguments: Any) -> dict[str, Any]:
    """The study with other arguments."""
    config: dict[str, Any] = json.loads(json.dumps(STUDY))
    config["experiment"]["init_args"] |= arguments
    return config


def test_a_study_is_one_table_with_what_is_shared_in_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(WORDS) == 0
    assert f"{TRAININGS} trainings are in run; lth report run draws them" in capsys.readouterr().out
    table = read("run")
    assert len(table) == TRAININGS
    assert table.attrs["axes"] == ["lr"]
    assert sorted(table["lr"].unique()) == [0.001, 0.01]
    assert set(table.loc[table["method"].isna(), "arm"]) == {"dense", "small_dense"}
    assert set(table["data"]) == {"Digits"}
    assert set(table["study"]) == {"tiny"}
    assert not list(Path("run").glob("results.jsonl")), "no file of a study is written by all its processes"
    assert main(["status", "run"]) == 0
    assert capsys.readouterr().out == f"in all: {TRAININGS} of {TRAININGS} done, 0 failed, 0 to do\n"
    assert main(WORDS) == 0
    assert "nothing was left to do" in capsys.readouterr().out


def test_what_is_finished_is_read_and_checked_no_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {"omp": {"class_path": "OneShotPruning", "init_args": {"densities": [0.25]}}}
    write({**changed(methods=methods), "claims": []})
    assert main(WORDS) == 0
    done: list[str] = []

    def noted(owner: type, name: str) -> None:
        method = getattr(owner, name)

        def call(*args: Any, **options: Any) -> Any:
            done.append(name)
            return method(*args, **options)

        monkeypatch.setattr(owner, name, call)

    noted(Arguments, "parse_arguments")
    noted(Run, "check")
    capsys.readouterr()
    assert main(WORDS) == 0
    assert "nothing was left to do" in (said := capsys.readouterr().out)
    assert done == [], "the same words in a folder as it was left"
    code = f"import sys; from lth_lightning.cli import main; main({WORDS!r}); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == said
    assert main([*WORDS, "--jobs", "1"]) == 0
    assert done == ["parse_arguments"]
    assert main([*WORDS, "--data.subset", "200"]) == 2
    assert "run belongs to another configuration (data.init_args.subset is 300 there, 200" in capsys.readouterr().err
    (table,) = Path("run/seed-0/lr-0.01/omp").glob("results.jsonl")
    row = table.read_text()
    table.write_text("")  # as if it was killed between a training's end and its row
    done.clear()
    assert main(WORDS) == 0
    assert done.count("check") == 1
    assert table.read_text() == row


@pytest.mark.slow
def test_a_grown_study_does_nothing_again_and_any_other_change_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(WORDS) == 0
    before = {path: path.stat().st_mtime_ns for path in Path("run").rglob("result.pt")}
    methods = STUDY["experiment"]["init_args"]["methods"]
    longer = {**methods["imp"], "init_args": {**methods["imp"]["init_args"], "rounds": 3}}
    more = {**methods, "imp": longer, "fine": {"class_path": "OneShotPruning", "init_args": {"densities": [0.5]}}}
    write(changed(grid={"model.optimizer.lr": [0.01, 0.03, 0.001]}, methods=more))
    assert main([*WORDS, "--seeds", "[0,1]"]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(read("run")) == 2 * 3 * (1 + 3 + 3 + 3 + 1 + 1)
    write(changed(grid={"model.optimizer.lr": [0.01], "data.batch_size": [64]}))
    capsys.readouterr()
    assert main(WORDS) == 2
    assert "run belongs to another configuration (experiment.init_args.grid" in capsys.readouterr().err


def test_a_claim_about_what_is_not_trained_is_refused_before_anything_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--experiment.methods.imp.init_args.controls", "[SmallDense]"]) == 2
    assert "imp/reinitialised" in capsys.readouterr().err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        (
            {"model.optimizer.lx": [0.1]},
            "the grid's point --model.optimizer.lx 0.1: model.optimizer: Adam takes no 'lx'",
        ),
        (
            {"model.optimizer.lr": ["two"]},
            "the grid's point --model.optimizer.lr two: model.optimizer.lr is 'two', which",
        ),
        (
            {"lr": {"a": {"model.optimizer.lr": 0.1}, "b": {"model.optimizer.lr": 0.2, "trainer.max_epochs": 5}}},
            "lr-a and lr-b cannot be compared, as verdicts over learning rates do: trainer.max_epochs is 2 and 5",
        ),
    ],
)
def test_a_grid_that_cannot_be_trained_or_compared_is_refused_in_a_sentence(
    grid: Any, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write({**changed(grid=grid), "claims": []})
    assert main(WORDS) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not Path("run").exists()


@pytest.mark.slow
def test_a_cell_that_diverges_is_noted_stops_no_other_and_is_retried_when_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write({**changed(grid={"model.optimizer.lr": [0.01, 1e30]}), "claims": []})
    words = [*WORDS, "--model.optimizer", "torch.optim.SGD"]
    for _ in range(2):
        assert main(words) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"lth run: 1 of {TRAININGS} trainings failed, seed-0/lr-1e+30/dense first (diverged")
    assert len(read("run")) == TRAININGS // 2
    noted = Path("run/seed-0/lr-1e+30/dense/failed.json")
    first = noted.stat().st_mtime_ns
    assert main([*words, "--retry", "true"]) == 1
    assert noted.stat().st_mtime_ns > first
    capsys.readouterr()
    assert main(["status", "run"]) == 0
    assert "failed: seed-0/lr-1e+30/dense (diverged" in capsys.readouterr().out


@pytest.mark.slow
def test_a_part_that_another_process_holds_is_left_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    part = Path("run/seed-0/lr-0.01/imp")
    assert main(WORDS) == 0
    shutil.rmtree(part)
    capsys.readouterr()
    with held(part):
        assert main(WORDS) == 0
        said = capsys.readouterr().out
        assert "1 part is left to other processes; lth status run tells how far they are" in said
        assert not list(part.rglob("result.pt"))
        assert main(["status", "run"]) == 0
        assert "in 1 process" in capsys.readouterr().out
    assert main(WORDS) == 0
    assert len(read("run")) == TRAININGS


@pytest.mark.slow
def test_processes_that_share_a_study_and_are_killed_leave_what_one_would_have_left(tmp_path: Path) -> None:
    for name in ("one", "many"):
        write(STUDY, tmp_path / name)
    words = [*WORDS, "--trainer.max_epochs", "12", "--save_seconds", "0"]
    Lth(tmp_path / "one", words).finish()
    for number in range(4):  # three at once, and one of them is killed
        lths = [Lth(tmp_path / "many", words, f".{number}.{process}") for process in range(3)]
        lths[0].kill(0.7, once=Lth.begun)
        if number < 3:
            time.sleep(0.3)
            for lth in lths[1:]:
                lth.kill(0.0)
        else:
            for lth in lths[1:]:
                lth.finish()
        begun = [*lths[0].trainings[:-1], *(training for lth in lths[1:] for training in lth.trainings)]
        assert len(set(begun)) == len(begun), "no two began the same, but what was killed before it had saved"
    one, many = (tiny.of_a_run(tmp_path / name / "run") for name in ("one", "many"))
    assert many == one


@pytest.mark.slow
def test_trainings_that_are_shared_are_waited_for(tmp_path: Path) -> None:
    write(STUDY, tmp_path / "there")
    words = [*WORDS, "--trainer.max_epochs", "100", "--experiment.grid", "{}", "--claims", "[]"]
    first = Lth(tmp_path / "there", words)
    while not first.trainings:
        time.sleep(0.01)
    second = Lth(tmp_path / "there", words, ".second")
    first.finish()
    second.finish()
    both = [name for name, _ in [*first.trainings, *second.trainings]]
    assert sorted(both) == sorted(set(both))
    assert first.trainings[0][0].endswith("dense")
