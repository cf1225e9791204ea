"""Killed at any moment and started again, everything ends bit for bit as if it had not been killed."""

import errno
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from lth_lightning.cli import main
from lth_lightning.experiments import IterativePruning, Reinitialised, Rewind, Ticket, read_result
from lth_lightning.sparsity import ERK, SET, AtInit, Gradual, LikeLearningRate, Neurons, Policy, Random, RigL
from lth_lightning.training import Admm, GradientFlow, HessianSpectrum, Sparsify

Begun = list[tuple[str, int]]
START = AtInit(0.3, Random(), ERK())
MOVING: dict[str, Policy] = {
    "set": SET(START, every="2it"),
    "rigl": RigL(START, every="3it", begin="1it"),
    "rigl after steps": RigL(START, every="2it", end="11it", annealing=LikeLearningRate(), variant="after_step"),
    "gradual": Gradual(0.2, every="2it", begin="1it", end="10it"),
}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {"keep": ("0it", "3it", "2ep"), "steps": 12},
    "accumulation": {"keep": ("3it", "2ep"), "steps": 6, "options": {"accumulate_grad_batches": 2}},
    "probes": {
        "keep": (),
        "steps": 12,
        "callbacks": lambda: [
            GradientFlow("3it", 40),
            HessianSpectrum(["5it"], images=4, exact_below=0, top=1, steps=2, probes=1),
            Sparsify(SET(AtInit(0.5, Random(0)), every="4it", end="end")),
        ],
    },
    "max_steps": {"keep": ("3it", "2ep"), "steps": 11, "options": {"max_epochs": -1, "max_steps": 11}},
    "neurons": {"keep": (), "steps": 12, "callbacks": lambda: [Sparsify(Neurons(0.4))]},
    "admm": {"keep": (), "steps": 12, "callbacks": lambda: [Admm(0.3, rho=0.1, every=1)]},
    "early stopping": {
        "keep": ("1it", "1ep"),
        "steps": 8,
        "options": {"max_epochs": 5},
        "callbacks": lambda: [EarlyStopping("val_loss", min_delta=10, patience=1)],
    },
    **{
        name: {"keep": (), "steps": 12, "callbacks": lambda policy=policy: [Sparsify(policy)]}
        for name, policy in MOVING.items()
    },
}


class Begins(Callback):
    """Records the folder and step at which each training begins that has steps left."""

    def __init__(self, root: Path, begun: Begun, steps: int) -> None:
        self.root, self.begun, self.steps = root, begun, steps

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step < self.steps:
            name = Path(trainer.default_root_dir).relative_to(self.root).as_posix()
            self.begun.append((name, trainer.global_step))


class Epochs:
    """An observer that keeps the epochs that it is told of."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def started(self, ticket: Ticket, name: str, epochs: int) -> None: ...

    def epoch(self, row: dict[str, Any]) -> None:
        self.epochs.append(row["epoch"])

    def noted(self, note: Any) -> None: ...

    def finished(self, row: dict[str, Any], anew: bool) -> None:
        assert not anew or self.epochs == list(range(1, row["epochs"] + 1)), "each epoch is told, and once"


def train(root: Path, kind: str = "plain", save_seconds: float = 1e9, more: Sequence[Callback] = ()) -> Begun:
    """Train in the folder 'a' of a root; returns where that began, if it did."""
    begun: Begun = []
    of_kind = KINDS[kind].get("callbacks", list)
    recipe = tiny.recipe(
        root,
        save_seconds=save_seconds,
        callbacks=lambda: [Begins(root, begun, KINDS[kind]["steps"]), *of_kind(), *more],
        observers=[Epochs()],
        **KINDS[kind].get("options", {}),
    )
    recipe.train(Ticket(own=True), root / "a", keep=KINDS[kind]["keep"])
    return begun


def arrange(root: Path, rounds: int = 1) -> Begun:
    """A dense training of one epoch, and for each round a ticket and its control; returns where those began."""
    begun: Begun = []
    experiment = IterativePruning(rounds=rounds, keep=0.5, rewind=Rewind(to="3it"), controls=[Reinitialised()])
    experiment.run(tiny.recipe(root, callbacks=lambda: [Begins(root, begun, 4)], max_epochs=1), root)
    return begun


def left_by_kills(
    root: Path, run: Callable[[], object], into: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Path], set[str]]:
    """Every state of a folder that a kill can leave, and the names of the files in it.

    Files come into being by renaming only, so the states are the folder before each renaming, with the new file half
    written under its temporary name.
    """
    states: list[Path] = []
    names: set[str] = set()
    rename = Path.replace

    def replace(partial: Path, target: Path) -> Path:
        names.add(target.relative_to(root).as_posix())
        if target.name != "timing.json":
            shutil.copytree(root, state := into / str(len(states)))
            half = state / partial.relative_to(root)
            half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
            states.append(state)
        return rename(partial, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        run()
    return states, names


@pytest.mark.parametrize(
    ("kind", "every"),
    [("plain", 2), ("accumulation", 3), ("admm", 3), ("rigl", 5), ("gradual", 5), ("neurons", 3), ("probes", 5)]
    + [pytest.param(kind, every, marks=pytest.mark.slow) for kind, every in (("max_steps", 4), ("early stopping", 3))]
    + [pytest.param(kind, 1, marks=pytest.mark.slow) for kind in KINDS],
)
def test_whatever_a_kill_leaves_the_training_goes_on_from_there_to_the_same_end(
    kind: str, every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, steps = tmp_path / "whole", KINDS[kind]["steps"]
    states, names = left_by_kills(whole, lambda: train(whole, kind, 0), tmp_path / "left", monkeypatch)
    expected = tiny.contents(whole)
    assert names == expected.keys() | {"a/timing.json"}, "a file that was not renamed could be half written"
    assert {tiny.saved(state / "a") for state in states} == set(range(steps + 1)), "every step is saved"
    for state in [states[-1], *states[-2::-every]]:
        step = tiny.saved(state / "a")
        assert read_result(state / "a") is None or step == steps
        assert train(state, kind) == ([("a", step)] if step < steps else [])
        assert tiny.contents(state) == expected
    if kind in MOVING:
        moves = expected["a/last.ckpt"]["callbacks"]["Sparsify"]["history"]
        assert len(moves) >= 4, "there is something to get wrong"


@pytest.mark.parametrize(("rounds", "every"), [(1, 2), pytest.param(2, 1, marks=pytest.mark.slow)])
def test_whatever_a_kill_leaves_an_experiment_redoes_nothing_that_was_finished(
    rounds: int, every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    all_begun: Begun = []
    controls = (("", 3), ("reinitialised/", 0))
    states, _ = left_by_kills(whole, lambda: all_begun.extend(arrange(whole, rounds)), tmp_path / "left", monkeypatch)
    expected = tiny.contents(whole)
    pruned = [(f"{control}round-{r:02}", step) for r in range(1, rounds + 1) for control, step in controls]
    assert all_begun == [("round-00", 0), *pruned]
    for state in states[::-every]:
        left = [(name, max(step, tiny.saved(state / name))) for name, step in all_begun]
        assert arrange(state, rounds) == [(name, step) for name, step in left if step < 4]
        assert tiny.contents(state) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hook", "nth", "save_seconds", "step"),
    [
        ("on_train_batch_start", 7, 0, 6),
        ("on_train_batch_end", 8, 0, 7),
        ("on_validation_batch_end", 2, 0, 7),
        ("on_validation_end", 1, 0, 3),
        ("on_train_epoch_end", 2, 0, 7),
        ("on_test_start", 1, 0, 12),
        ("on_test_end", 1, 1e9, 12),
        ("on_train_batch_end", 8, 1e9, 0),
    ],
)
def test_after_a_crash_in_a_hook_the_training_goes_on_from_its_last_checkpoint(
    hook: str, nth: int, save_seconds: float, step: int, tmp_path: Path, whole: dict[str, Any]
) -> None:
    with pytest.raises(SystemError, match="killed"):
        train(tmp_path, save_seconds=save_seconds, more=[tiny.Crash(hook, nth)])
    assert tiny.saved(tmp_path / "a") == step
    assert train(tmp_path, save_seconds=save_seconds) == ([("a", step)] if step < 12 else [])
    assert tiny.contents(tmp_path) == whole


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an uninterrupted training leaves."""
    root = tmp_path_factory.mktemp("whole")
    train(root)
    return tiny.contents(root)


@pytest.mark.parametrize(("nth", "step"), [(1, 0), (6, 3), (11, 7)])
def test_a_disk_that_fills_up_while_a_checkpoint_is_written_leaves_the_one_before(
    nth: int, step: int, tmp_path: Path, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = iter(range(1, 100))
    save = Trainer.save_checkpoint

    def fills_up(self: Trainer, path: Path) -> None:
        save(self, path)
        if next(writes) == nth:
            path.write_bytes(path.read_bytes()[:1000])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save_checkpoint", fills_up)
        with pytest.raises(OSError, match="No space"):
            train(tmp_path, save_seconds=0)
    assert not list(tmp_path.rglob("*.partial")), "what is of no use is not left on a full disk"
    assert tiny.saved(tmp_path / "a") == step
    assert train(tmp_path, save_seconds=0) == [("a", step)]
    assert tiny.contents(tmp_path) == whole


def test_an_experiment_with_a_round_more_keeps_what_it_has(tmp_path: Path) -> None:
    grown, at_once = tmp_path / "grown", tmp_path / "at_once"
    arrange(grown)
    assert arrange(grown, rounds=2) == [("round-02", 3), ("reinitialised/round-02", 0)]
    arrange(at_once, rounds=2)
    assert tiny.contents(grown) == tiny.contents(at_once)


DENSE = ("run", "--config", "digits", "--config", "dense", "--config", "debug", "--trainer.max_epochs", "1")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands run in this process and an empty folder."""
    monkeypatch.setattr(sys, "argv", ["lth"])  # Lightning warns of the words after pytest, which it is not given
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("alone")
def test_a_second_start_with_more_seeds_trains_only_those() -> None:
    assert main([*DENSE, "--folder", "grown", "--seeds", "[0]"]) == 0

    def times() -> dict[Path, int]:  # a lock says who looked last
        return {path: path.stat().st_mtime_ns for path in Path("grown/seed-0").rglob("*") if path.name != ".lock"}

    before = times()
    assert main([*DENSE, "--folder", "grown", "--seeds", "[0,1]"]) == 0
    assert times() == before
    assert main([*DENSE, "--folder", "at_once", "--seeds", "[0,1]"]) == 0
    assert tiny.of_a_run(Path("grown")) == tiny.of_a_run(Path("at_once"))


@pytest.mark.usefixtures("alone")
def test_a_second_start_with_another_learning_rate_is_refused_naming_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*DENSE, "--folder", "run"]) == 0
    before = tiny.contents(Path("run"))
    assert main([*DENSE, "--folder", "run", "--model.init_args.optimizer.init_args.lr", "0.5"]) == 2
    error = capsys.readouterr().err
    assert "model.init_args.optimizer.init_args.lr is 0.0012 there, 0.5 here" in error
    assert "--folder" in error
    assert error.count("\n") == 1
    assert tiny.contents(Path("run")) == before
