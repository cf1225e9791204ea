"""R trainings at once leave what R in turn leave."""

import json
import signal
import time
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from killed import Lth
from lightning.pytorch import Callback, LightningModule, Trainer
from typed import lth

from lth_lightning.experiments import (
    Experiment,
    Instability,
    IterativePruning,
    OneShotPruning,
    Reinitialised,
    Rewind,
    SparseTraining,
    Study,
)
from lth_lightning.experiments.replicating import measured
from lth_lightning.experiments.runner import Run
from lth_lightning.experiments.trainer import quiet_trainer
from lth_lightning.models import CIFARResNet
from lth_lightning.sparsity import SET, AtInit, Random, RigL
from lth_lightning.training import InTurnWarning, Seeds
from lth_lightning.training.choosing import fitting, seconds_of_step
from lth_lightning.training.replicas import Replicas

NET = partial(CIFARResNet, 8, channels=1, width=0.25)
IMP = IterativePruning(rounds=2, keep=0.5, rewind=Rewind(to="3it"), controls=[Reinitialised()])
OPTIMIZERS: dict[str, Any] = {
    "momentum": tiny.momentum,
    "nesterov": partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "AdamW": partial(torch.optim.AdamW, lr=1e-2),
}
EXPERIMENTS: dict[str, Experiment] = {
    "iterative pruning": IMP,
    "instability": Instability(moments=["0it", "1ep"]),
    "RigL": SparseTraining(policy=RigL(AtInit(0.3, Random()), every="2it"), densities=[0.3, 0.1]),
    "a study": Study(methods={"imp": replace(IMP, controls=[]), "omp": OneShotPruning(densities=[0.3])}),
    "SET": SparseTraining(policy=SET(AtInit(0.3, Random()), every="2it"), densities=[0.3, 0.1]),
}


def run(
    folder: Path, replicas: int, experiment: Experiment = IMP, smoothing: float = 0.1, **options: Any
) -> dict[str, Any]:
    """Its rows, without times, by folder."""

    def build(seeds: Any, init: int, width: float | None = None) -> Any:
        built = tiny.build(seeds, init, width, **{"net": NET, "precision": "64-true", **options})
        built.module.label_smoothing = smoothing
        return built

    Run(experiment, build, folder, {}, seeds=[0, 1], replicas=replicas).run()
    tables = sorted(folder.rglob("results.jsonl"))
    return {row["folder"]: row for table in tables for row in map(json.loads, table.read_text().splitlines())}


def compared(one: Path, other: Path, rows: dict[str, Any], others: dict[str, Any], most: float) -> None:
    """Every training has the same mask, and weights, states and metrics up to a tolerance."""
    assert [*rows] == [*others]
    assert {p.relative_to(one) for p in one.rglob("*")} == {p.relative_to(other) for p in other.rglob("*")}
    for name, row in rows.items():
        for key, value in row.items():
            assert others[name][key] == (pytest.approx(value, abs=most) if isinstance(value, float) else value), key
        a, b = (torch.load(folder / name / "last.ckpt", weights_only=True) for folder in (one, other))
        torch.testing.assert_close(a["state_dict"], b["state_dict"], rtol=most, atol=most)
        torch.testing.assert_close(a["optimizer_states"], b["optimizer_states"], rtol=most, atol=most)
        masks = [torch.load(folder / name / "result.pt", weights_only=True)["mask"] for folder in (one, other)]
        assert tiny.same(*masks)


@pytest.mark.parametrize(
    ("experiment", "optimizer"),
    [
        ("iterative pruning", "momentum"),
        pytest.param("iterative pruning", "AdamW", marks=pytest.mark.slow),
        pytest.param("instability", "nesterov", marks=pytest.mark.slow),
        pytest.param("RigL", "nesterov", marks=pytest.mark.slow),
        pytest.param("a study", "momentum", marks=pytest.mark.slow),
        pytest.param("SET", "momentum", marks=pytest.mark.slow),
    ],
)
def test_batch_norm_momentum_decay_warm_up_and_smoothing_are_those_of_each_alone(
    experiment: str, optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[torch.Size] = []
    step = Replicas.step
    monkeypatch.setattr(
        Replicas, "step", lambda own, images, *rest: steps.append(images.shape) or step(own, images, *rest)
    )
    options = {"experiment": EXPERIMENTS[experiment], "optimizer": OPTIMIZERS[optimizer]}
    in_turn = run(tmp_path / "in turn", 1, **options)
    assert not steps
    at_once = run(tmp_path / "at once", 3, **options)
    compared(tmp_path / "in turn", tmp_path / "at once", in_turn, at_once, 1e-9)
    total = sum(row["steps"] - row["start_step"] for row in in_turn.values())
    assert steps[0] == (3, 32, 1, 8, 8)
    assert total / 3 <= len(steps) < total / 1.4, "most of them with others"
    assert len(at_once) == 2 * EXPERIMENTS[experiment].trainings


class Cut(Callback):
    """Ends a training before a step, as a kill would."""

    def __init__(self, at: int) -> None:
        self.at = at

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.at:
            raise SystemError("killed")


@pytest.mark.slow
@pytest.mark.parametrize(("at", "precision"), [(5, "32-true"), (1, "bf16-mixed"), (8, "bf16-mixed")])
def test_trainings_that_are_cut_end_bit_for_bit_as_if_they_had_not_been(
    at: int, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*callbacks: Callback) -> Any:
        return lambda seeds, init, width=None: tiny.build(seeds, init, width, *callbacks, net=NET, precision=precision)

    options: dict[str, Any] = {"seeds": [0, 1, 2], "replicas": 3, "save_seconds": 0}
    Run(IMP, build(), tmp_path / "whole", {}, **options).run()
    with pytest.raises(SystemError):
        Run(IMP, build(Cut(at)), tmp_path / "cut", {}, **options).run()
    assert {tiny.saved(tmp_path / "cut" / f"seed-{seed}" / "round-00") for seed in range(3)} == {at}
    Run(IMP, build(), tmp_path / "cut", {}, **options).run()
    whole, cut = (tiny.contents(tmp_path / name) for name in ("whole", "cut"))
    assert whole == cut


def test_a_training_that_diverges_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    class Broken(Callback):
        def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
            if "seed-1" in trainer.default_root_dir:
                pl_module.net.head.weight.data.fill_(float("nan"))

    build = partial(tiny.build, net=NET, precision="64-true")
    with pytest.raises(RuntimeError, match=r"seed-1/round-00 first \(diverged"):
        Run(IMP, lambda s, i, w=None: build(s, i, w, Broken()), tmp_path / "a", {}, seeds=[0, 1], replicas=2).run()
    Run(IMP, build, tmp_path / "b", {}, seeds=[0], replicas=1).run()
    a, b = ((tmp_path / name / "results.jsonl").read_text().splitlines() for name in "ab")
    assert len(a) == len(b) == 5
    for one, other in zip(map(json.loads, a), map(json.loads, b), strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], abs=1e-9)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"net": tiny.Net}, "random"),
        pytest.param({"gradient_clip_val": 1.0}, "it clips or accumulates gradients", marks=pytest.mark.slow),
        pytest.param({"accumulate_grad_batches": 2}, "it clips or accumulates", marks=pytest.mark.slow),
    ],
)
def test_what_cannot_step_with_others_is_done_in_turn_and_said(
    options: dict[str, Any], why: str, tmp_path: Path
) -> None:
    options = {"precision": "32-true", **options}
    with pytest.warns(InTurnWarning, match=why):
        at_once = run(tmp_path / "at once", 2, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InTurnWarning)
        in_turn = run(tmp_path / "in turn", 1, **options)
    compared(tmp_path / "in turn", tmp_path / "at once", in_turn, at_once, 0.0)


@pytest.mark.slow
def test_a_signal_saves_all_and_the_same_line_goes_on(tmp_path: Path) -> None:
    words = ["run", "--config", "digits", "--config", "imp_from_init", "--experiment.rounds", "1", "--seeds", "[0,1]"]
    words += [
        "--experiment.controls",
        "[Reinitialised]",
        "--trainer.max_epochs",
        "4",
        "--replicas",
        "2",
        "--track",
        "offline",
        "--folder",
    ]
    whole = Lth(tmp_path / "here", [*words, "whole"], "whole")
    whole.finish()
    cut = Lth(tmp_path / "here", [*words, "cut"], "cut")
    while len(cut.trainings) < 3 and cut.process.is_alive():
        time.sleep(0.01)
    cut.process.terminate()
    cut.process.join()
    assert cut.process.exitcode == 128 + signal.SIGTERM, cut.output.read_text()
    assert "the same command line continues" in cut.output.read_text()
    again = Lth(tmp_path / "here", [*words, "cut"], "again")
    again.finish()
    folders = [tmp_path / "here" / name for name in ("whole", "cut")]
    rows = [[json.loads(row) for row in (f / "results.jsonl").read_text().splitlines()] for f in folders]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 2 * 3


@pytest.mark.parametrize(
    ("word", "said"),
    [("0", "replicas is 0: say how many trainings step at once, 1 or more, or auto"), ("many", "replicas")],
)
def test_another_number_is_one_sentence(
    word: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = lth(f"run --config digits --config imp --folder run --replicas {word}", capsys)
    assert told.code == 2
    assert said in told.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("times", "counts", "best"),
    [
        ({1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0}, [1, 2, 4, 8], 8),
        ({1: 1.0, 2: 1.8, 4: 3.9, 8: 8.0}, [1, 2, 4, 8], 2),
        ({1: 1.0, 2: 2.1, 4: 4.2, 8: 8.8}, [1, 2, 4, 8], 1),
        ({1: 1.0, 2: 1.0, 4: 4.2, 8: 0.1}, [1, 2], 2),
    ],
)
def test_the_fewest_replicas_that_are_nearly_the_fastest_are_taken(
    times: dict[int, float], counts: list[int], best: int
) -> None:
    assert fitting(times.__getitem__, counts) == best


def test_more_replicas_than_fit_into_memory_are_not_tried() -> None:
    tried: list[int] = []

    def seconds_of(count: int) -> float:
        tried.append(count)
        if count > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 1.0

    assert fitting(seconds_of, [1, 2, 4, 8]) == 2
    assert tried == [1, 2, 4]
    assert fitting(lambda count: seconds_of(9), [1, 2]) == 1


def test_a_step_of_several_is_timed_and_leaves_the_network_as_it_is(tmp_path: Path) -> None:
    built = tiny.build(Seeds.of(0), 0, net=NET)
    trainer = quiet_trainer(built.trainer, tmp_path, [], 0)
    before = {name: value.clone() for name, value in built.module.state_dict().items()}
    batch = next(iter(built.data.train_dataloader()))
    assert 0 < seconds_of_step(built.module, trainer, batch, 2) < 60
    assert tiny.same(before, built.module.state_dict())


def test_on_a_cpu_each_is_trained_alone(tmp_path: Path) -> None:
    assert measured(tiny.build(Seeds.of(0), 0), tmp_path, 100) == 1
