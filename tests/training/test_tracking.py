import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import wandb
import wandb.errors
from killed import Lth
from tracked import Recorded, Server, recorded

from lth_lightning.experiments import Ticket
from lth_lightning.sparsity import Mask
from lth_lightning.training import wandb_runs
from lth_lightning.training.tracking import WandbTracker, track

Row = dict[str, Any]
CONFIG = {"experiment": {"class_path": "IterativePruning", "init_args": {"rounds": 2}}, "seeds": [0]}
DENSE, FIRST, CONTROL = "seed-0/round-00", "seed-0/round-01", "seed-0/random_ticket/round-01"
ROUNDS = {DENSE: ("dense", 0, 1.0, 0.9), FIRST: ("ticket", 1, 0.75, 0.8), CONTROL: ("random_ticket", 1, 0.75, 0.6)}
EPOCHS = [{"epoch": n, "step": 8 * n, "lr": 0.1, "train_loss": 1 / n, "val_accuracy": 1 - 0.5**n} for n in (1, 2, 3)]


@pytest.fixture(autouse=True)
def _stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without account or W&B settings; wandb's own process lives on between tests that leave it alone."""
    for name in ("MODE", "DIR", "PROJECT", "API_KEY", "BASE_URL"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "home" / ".netrc"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "imp").mkdir()
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that knows the user's account."""
    wandb.teardown()  # what reads the environment
    server = Server()
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    yield server
    wandb.teardown()
    server.stop()


class Experiment:
    """Does to a tracker and to files what an experiment does, without training; `said` is what the user read."""

    def __init__(self, folder: Path, mode: Any = "offline") -> None:
        self.folder = folder
        self.said: list[str] = []
        tracker = track(mode, folder, CONFIG, self.said.append)
        assert tracker is not None
        self.tracker: WandbTracker = tracker

    def begin(self, name: str, epochs: Sequence[Row] = EPOCHS) -> None:
        arm, number, density, _ = ROUNDS[name]
        mask = Mask({"net.weight": torch.arange(4).reshape(2, 2) < 4 * density}) if number else None
        self.tracker.started(Ticket(arm, number, mask), name, len(EPOCHS))
        for count, row in enumerate(epochs, start=1):
            write_curve(self.folder / name, epochs[:count])
            self.tracker.epoch(row)

    def finish(self, name: str, anew: bool = True, accuracy: str = "test_accuracy") -> None:
        row = {key if key != "test_accuracy" else accuracy: value for key, value in result(name).items()}
        with (self.folder / "results.jsonl").open("a") as table:
            table.write(json.dumps(row) + "\n")
        self.tracker.finished(row, anew)

    def train(self, *names: str) -> None:
        for name in names:
            self.begin(name)
            self.finish(name)


def write_curve(folder: Path, epochs: Sequence[Row]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in epochs))


def result(name: str) -> Row:
    arm, number, density, accuracy = ROUNDS[name]
    labels = {"schema": 1, "experiment": "IterativePruning", "seed": 0, "arm": arm, "round": number, "folder": name}
    return {**labels, "density": density, "test_accuracy": accuracy, "layers": {"net.weight": [3, 4]}}


def trainings(folder: Path) -> dict[str, Recorded]:
    return {name: run for name, run in recorded(folder / "wandb").items() if run.opened["job_type"] != "overview"}


def ids(runs: dict[str, Recorded]) -> dict[str, str]:
    return {name: run.opened["run_id"] for name, run in runs.items()}


def complete(run: Recorded) -> bool:
    return run.logged == EPOCHS and run.exit_code == 0 and "test_accuracy" in run.summary


def test_each_training_is_a_run_of_the_experiments_group(folder: Path) -> None:
    experiment = Experiment(folder)
    experiment.train(*ROUNDS)
    experiment.tracker.close()
    runs = trainings(folder)
    assert runs.keys() == ROUNDS.keys()
    for name, run in runs.items():
        arm, number, density, accuracy = ROUNDS[name]
        assert (run.opened["run_group"], run.opened["job_type"]) == ("imp", arm)
        assert run.opened["project"] == "lth_lightning"
        assert run.config["experiment"] == "IterativePruning"
        assert (run.config["arm"], run.config["round"], run.config["density"]) == (arm, number, density)
        assert run.logged == EPOCHS
        assert [row["_step"] for row in run.history] == [1, 2, 3]
        assert run.axes == {"*": "epoch"}
        assert (run.summary["test_accuracy"], run.summary["val_accuracy"]) == (accuracy, EPOCHS[-1]["val_accuracy"])
        assert run.exit_code == 0
    assert len(set(ids(runs).values())) == len(ROUNDS)


def test_accuracy_against_density_has_a_run_for_each_arm(folder: Path) -> None:
    experiment = Experiment(folder)
    experiment.train(*ROUNDS)
    experiment.tracker.close()
    overviews = {
        name: [(row["density"], row["mean_test_accuracy"]) for row in run.logged]
        for name, run in recorded(folder / "wandb").items()
        if run.opened["job_type"] == "overview" and run.axes == {"*": "density"} and run.opened["run_group"] == "imp"
    }
    assert overviews == {
        "overview/dense": [(1.0, 0.9), (0.75, 0.9)],
        "overview/ticket": [(0.75, 0.8)],
        "overview/random_ticket": [(0.75, 0.6)],
    }


def test_a_training_that_was_cut_ends_as_one_complete_run_with_the_same_id(folder: Path) -> None:
    first = Experiment(folder)
    first.train(DENSE)
    first.begin(FIRST, EPOCHS[:2])
    first.tracker.close()
    before = trainings(folder)
    assert (before[FIRST].exit_code, before[FIRST].logged) == (1, EPOCHS[:2])

    second = Experiment(folder)
    second.finish(DENSE, anew=False)
    second.begin(FIRST)  # after resuming, the epochs before are told again
    second.finish(FIRST)
    second.tracker.close()
    after = trainings(folder)
    assert all(map(complete, after.values()))
    assert ids(after) == ids(before)


def test_what_is_recorded_is_not_recorded_again(folder: Path) -> None:
    Experiment(folder).train(*ROUNDS)
    before = sorted(path.name for path in (folder / "wandb").glob("*-run-*"))
    again = Experiment(folder)
    for name in ROUNDS:
        again.finish(name, anew=False)
    assert sorted(path.name for path in (folder / "wandb").glob("*-run-*")) == before


@pytest.mark.parametrize("begun", [[], EPOCHS[:1], EPOCHS], ids=["never tracked", "cut early", "cut before its end"])
def test_a_finished_training_gets_its_run_from_the_files(folder: Path, begun: list[Row]) -> None:
    if begun:
        first = Experiment(folder)
        first.begin(FIRST, begun)
        first.tracker.close()
    write_curve(folder / FIRST, EPOCHS)
    second = Experiment(folder)
    second.finish(FIRST, anew=False)
    (run,) = trainings(folder).values()
    assert complete(run)


def test_deleted_runs_come_back_with_their_ids(folder: Path) -> None:
    Experiment(folder).train(DENSE)
    before = trainings(folder)
    shutil.rmtree(folder / "wandb")
    Experiment(folder).finish(DENSE, anew=False)
    after = trainings(folder)
    assert complete(after[DENSE])
    assert ids(after) == ids(before)


def test_epochs_that_were_never_told_come_from_the_file(folder: Path) -> None:
    experiment = Experiment(folder)  # resumed from a checkpoint at its very end, a training tells nothing
    experiment.begin(DENSE, [])
    write_curve(folder / DENSE, EPOCHS)
    experiment.finish(DENSE)
    assert complete(trainings(folder)[DENSE])


def test_two_processes_keep_one_state_and_the_last_to_end_draws_all(folder: Path) -> None:
    one, other = Experiment(folder), Experiment(folder)
    one.begin(DENSE)
    other.begin(FIRST)
    one.finish(DENSE)
    other.finish(FIRST)
    other.tracker.close()
    one.train(CONTROL)
    one.tracker.close()
    before = sorted(path.name for path in (folder / "wandb").glob("*-run-*"))
    for name in ROUNDS:  # each knows what the other has recorded
        one.finish(name, anew=False)
        other.finish(name, anew=False)
    assert sorted(path.name for path in (folder / "wandb").glob("*-run-*")) == before
    assert all(map(complete, trainings(folder).values()))
    assert recorded(folder / "wandb").keys() == {*ROUNDS, "overview/dense", "overview/ticket", "overview/random_ticket"}
    state = json.loads((folder / "wandb.json").read_text())
    assert state["done"] == dict.fromkeys(ROUNDS, "offline")
    assert {run.opened["run_id"].rpartition("-")[2] for run in recorded(folder / "wandb").values()} == {state["token"]}


def test_an_epoch_is_given_to_wandb_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(wandb.Run, "log", lambda run, values, **step: given.append(values))
    Experiment(folder).train(DENSE)
    assert given == EPOCHS


def test_without_test_accuracy_there_is_no_overview(folder: Path) -> None:
    experiment = Experiment(folder)
    experiment.begin(DENSE)
    experiment.finish(DENSE, accuracy="val_accuracy")
    experiment.tracker.close()
    assert list(recorded(folder / "wandb")) == [DENSE]


def test_a_failure_of_wandb_is_said_once_and_healed_at_the_next_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr(wandb, "init", fail)
        first = Experiment(folder)
        said = len(first.said)
        first.train(*ROUNDS)
        first.tracker.close()
        (sentence,) = first.said[said:]
        assert "no W&B today" in sentence
    assert not recorded(folder / "wandb")
    second = Experiment(folder)
    for name in ROUNDS:
        second.finish(name, anew=False)
    assert all(map(complete, trainings(folder).values()))
    assert trainings(folder).keys() == ROUNDS.keys()


def fail(**arguments: Any) -> None:
    raise wandb.errors.CommError("no W&B today\nin many lines")


def test_without_an_account_one_sentence_says_what_is_done(folder: Path) -> None:
    wandb.teardown()
    experiment = Experiment(folder, "wandb")
    (sentence,) = experiment.said
    assert "no W&B account" in sentence
    assert f"wandb sync {folder}/wandb" in sentence
    experiment.train(DENSE)
    assert complete(trainings(folder)[DENSE])


@pytest.mark.slow
def test_offline_there_is_not_one_request(folder: Path, server: Server) -> None:
    code = f"""if True:
        import runpy
        from pathlib import Path
        runs = runpy.run_path({wandb_runs.__file__!r})["WandbRuns"](Path({str(folder)!r}), "token", {{}})
        runs.open("a", "dense", {{}}, "offline")
        runs.log({{"epoch": 1}}, 1)
        runs.close()"""
    subprocess.run([sys.executable, "-c", code], check=True)  # wandb would report to its maker when Python ends
    assert [run.logged for run in recorded(folder / "wandb").values()] == [[{"epoch": 1}]]
    assert server.requests == []


def test_wandb_mode_offline_is_respected(folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    experiment = Experiment(folder, "wandb")
    experiment.train(DENSE)
    wandb.teardown()
    assert server.requests == []
    assert complete(trainings(folder)[DENSE])


def test_wandb_mode_disabled_records_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    said: list[str] = []
    assert track("offline", folder, CONFIG, said.append) is None
    assert len(said) == 1
    assert not list(folder.iterdir())


def test_a_damaged_state_file_is_named_before_anything_is_trained(folder: Path) -> None:
    (folder / "wandb.json").write_text("{")
    with pytest.raises(ValueError, match=r"wandb\.json cannot be read .* delete it"):
        Experiment(folder)


def test_wandb_dir_and_project_are_respected(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "my runs"
    monkeypatch.setenv("WANDB_DIR", str(elsewhere))
    monkeypatch.setenv("WANDB_PROJECT", "tickets")
    experiment = Experiment(folder)
    assert f"wandb sync '{elsewhere}/wandb'" in experiment.said[0]
    experiment.train(DENSE)
    assert trainings(elsewhere)[DENSE].opened["project"] == "tickets"
    assert not (folder / "wandb").exists()


def test_online_a_cut_training_continues_its_curve(folder: Path, server: Server) -> None:
    first = Experiment(folder, "wandb")
    first.begin(DENSE, EPOCHS[:2])
    first.tracker.close()
    (identity,) = server.runs
    assert server.runs[identity].exit_code == 1
    second = Experiment(folder, "wandb")
    second.begin(DENSE)
    second.finish(DENSE)
    (run,) = server.runs.values()
    assert complete(run)
    assert (run.opened["groupName"], run.opened["jobType"], run.opened["displayName"]) == ("imp", "dense", DENSE)
    assert server.requests.count("RunResumeStatus") == 2


def test_online_gets_what_was_recorded_offline(folder: Path, server: Server) -> None:
    Experiment(folder).train(DENSE)
    wandb.teardown()
    assert not server.runs
    online = Experiment(folder, "wandb")
    online.finish(DENSE, anew=False)
    (run,) = server.runs.values()
    assert complete(run)
    assert not list((folder / "wandb").glob("offline-run-*"))


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb_runs, "UPLOAD_SECONDS", 1)
    monkeypatch.setattr(wandb_runs, "OPEN_SECONDS", 1)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    "epochs",
    [
        pytest.param(0, id="before a run is opened", marks=pytest.mark.slow),
        pytest.param(2, id="while one is open", marks=pytest.mark.slow),
    ],
)
def test_when_the_server_goes_away_the_rest_is_recorded_offline(folder: Path, server: Server, epochs: int) -> None:
    experiment = Experiment(folder, "wandb")
    if epochs:
        experiment.begin(DENSE, EPOCHS[:epochs])
    server.stop()
    experiment.begin(DENSE) if not epochs else write_curve(folder / DENSE, EPOCHS)
    experiment.finish(DENSE)
    experiment.train(FIRST)
    (_, sentence) = experiment.said
    assert "recorded on this disk" in sentence
    assert all(map(complete, trainings(folder).values()))
    assert list(trainings(folder)) == [DENSE, FIRST]


@pytest.mark.slow
def test_without_network_it_says_so_within_seconds(folder: Path, server: Server) -> None:
    server.stop()
    begun = time.monotonic()
    experiment = Experiment(folder, "wandb")
    assert time.monotonic() - begun < 30
    (sentence,) = experiment.said
    assert sentence.startswith("W&B failed (Failed to authenticate")
    experiment.train(DENSE)
    assert complete(trainings(folder)[DENSE])


COMMAND = [
    *("run", "--config", "digits", "--config", "imp_from_init", "--config", "debug", "--experiment.rounds", "1"),
    *("--experiment.controls", "[]", "--trainer.max_epochs", "25", "--save_seconds", "0", "--folder", "imp"),
]


def curve(folder: Path) -> list[Row]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_killed_at_any_moment_every_training_ends_as_one_complete_run(tmp_path: Path) -> None:
    place, moments = tmp_path / "place", random.Random(0)
    assert Lth(place, COMMAND).kill(moments.uniform(0, 0.5), once=Lth.begun)  # not tracked from the beginning
    tokens = set()
    for _ in range(2):
        assert Lth(place, [*COMMAND, "--track", "offline"]).kill(moments.uniform(0, 0.5), once=Lth.begun)
        tokens.add(json.loads((place / "imp" / "wandb.json").read_text())["token"])
    (command := Lth(place, [*COMMAND, "--track", "offline"])).finish()
    runs = trainings(place / "imp")
    assert runs.keys() == {"seed-0/round-00", "seed-0/round-01"}
    (token,) = tokens
    for name, run in runs.items():
        assert run.opened["run_id"] == f"{name.replace('/', '-')}-{token}"
        assert run.logged == curve(place / "imp" / name)
        assert run.exit_code == 0
    assert command.output.read_text().count("W&B") == 1
