"""A training that fails is noted and stops no other; `lth status` tells how far an experiment is."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake import FakeRecipe
from tiny import recipe

from lth_lightning.cli import main
from lth_lightning.experiments import Dense, IterativePruning, OneShotPruning, Reinitialised, Result, Ticket
from lth_lightning.experiments.failed import FailedTrainingError, reason
from lth_lightning.experiments.status import told
from lth_lightning.files import held

SMALL = ["--config", "digits", "--config", "omp", "--config", "debug", "--experiment.densities", "[0.5,0.2]"]
SMALL += ["--experiment.controls", "[Reinitialised]", "--folder", "run"]
DIVERGING = ["--model.optimizer", "torch.optim.SGD", "--model.optimizer.lr", "1e30"]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(tmp_path)


class Failing(FakeRecipe):
    """Some trainings fail, by their folder's name."""

    bad: tuple[str, ...] = ()

    def train(self, ticket: Ticket, folder: Path, keep: Any = ()) -> Result:
        if folder.relative_to(self.root).as_posix() in self.bad:
            raise FailedTrainingError("diverged")
        return super().train(ticket, folder, keep)


def names(experiment: Any, root: Path, *bad: str) -> list[str]:
    failing = Failing(root)
    failing.bad = bad
    experiment.run(failing, root)
    return [where for _, where in failing.trained]


def test_a_control_that_fails_leaves_all_others(tmp_path: Path) -> None:
    experiment = IterativePruning(rounds=2, controls=[Reinitialised()])
    assert names(experiment, tmp_path, "reinitialised/round-01") == [
        "round-00",
        "round-01",
        "round-02",
        "reinitialised/round-02",
    ]


def test_a_ticket_that_fails_ends_what_depends_on_it_and_nothing_else(tmp_path: Path) -> None:
    iterative = IterativePruning(rounds=3, controls=[Reinitialised()])
    found = names(iterative, tmp_path / "iterative", "round-02")
    assert found == ["round-00", "round-01", "reinitialised/round-01"]
    once = OneShotPruning(densities=[0.5, 0.3, 0.1], controls=[Reinitialised()])
    found = names(once, tmp_path / "once", "round-02")
    assert found == ["round-00", "round-01", "reinitialised/round-01", "round-03", "reinitialised/round-03"]


def test_divergence_is_caught_in_its_epoch_noted_and_not_tried_again_until_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(2):
        assert main(["run", *SMALL, *DIVERGING, "--seeds", "[0,1]"]) == 1
        said = capsys.readouterr()
        assert "1/10 seed-0/round-00 failed: diverged: the training loss is nan in epoch 1; lower the" in said.out
        assert "2/10 seed-1/round-00 failed" in said.out
        assert said.err.startswith("lth run: 2 of 10 trainings failed, seed-0/round-00 first (diverged")
        assert said.err.count("\n") == 1
    before = (Path("run/seed-0/round-00/failed.json")).stat().st_mtime_ns
    assert not Path("run/seed-0/round-00/result.pt").exists()
    assert main(["run", *SMALL, *DIVERGING, "--seeds", "[0,1]", "--retry", "true"]) == 1
    assert (Path("run/seed-0/round-00/failed.json")).stat().st_mtime_ns > before
    capsys.readouterr()
    assert main(["status", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "seed 0: 0 of 5 done, 1 failed, 4 to do"
    assert lines[1].startswith("  failed: seed-0/round-00 (diverged: the training loss is nan in epoch 1")
    assert lines[-1].startswith("the same command with --retry true")


def test_a_training_that_ran_out_of_memory_is_finished_when_tried_again(tmp_path: Path) -> None:
    class Full(torch.nn.Identity):
        def forward(self, x: Any) -> Any:
            if not roomy and torch.is_grad_enabled():
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
            return x

    roomy = False
    options: dict[str, Any] = {"net": lambda: torch.nn.Sequential(Full(), torch.nn.Flatten(), torch.nn.Linear(64, 10))}
    first = recipe(tmp_path, **options)
    with pytest.raises(FailedTrainingError, match=r"out of memory.*lower data.batch_size"):
        Dense().run(first, tmp_path / "seed-0")
    assert first.failures.keys() == {"seed-0/round-00"}
    roomy = True
    with pytest.raises(FailedTrainingError):
        Dense().run(recipe(tmp_path, **options), tmp_path / "seed-0")
    (result,) = Dense().run(replace(recipe(tmp_path, **options), retry=True), tmp_path / "seed-0")
    assert result.row["epochs"] == 3
    assert not (tmp_path / "seed-0/round-00/failed.json").exists()


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), KeyboardInterrupt(), ValueError("no")])
def test_any_other_error_is_no_failure_of_one_training(error: BaseException) -> None:
    assert reason(error) is None


def test_status_tells_what_is_done_running_and_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *SMALL]) == 0
    assert main(["status", "run"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "seed 0: 5 of 5 done, 0 failed, 0 to do"
    Path("run/seed-0/round-02/result.pt").unlink()
    for folder in ("round-00", "round-01", "reinitialised/round-01", "reinitialised/round-02"):
        Path(f"run/seed-0/{folder}/timing.json").write_text(json.dumps({"seconds": 60}))
    omp = OneShotPruning(densities=[0.5, 0.2], controls=[Reinitialised()])
    expected = ["seed 0: 4 of 5 done, 0 failed, 1 to do", "  interrupted: seed-0/round-02, 2 epochs done"]
    assert told(Path("run"), [0], omp) == [*expected, "about 1 min 00 s left, at the pace so far"]
    with held(Path("run/seed-0")):
        assert told(Path("run"), [0], omp)[1] == "  running: seed-0/round-02, 2 epochs done"


@pytest.mark.parametrize("words", [["status"], ["status", "nowhere"], ["status", "--folder"]])
def test_status_of_no_experiment_is_a_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1
