"""On a CUDA device: resuming bit for bit, and a study that several processes share on one device."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import yaml
from typed import lth

from lth_lightning.analyses import Latency, Lineage
from lth_lightning.analysis import with_sparse_kernels
from lth_lightning.experiments import Dense, Instability, IterativePruning, Reinitialised
from lth_lightning.experiments.replicating import measured
from lth_lightning.experiments.runner import Run
from lth_lightning.models import CIFARResNet
from lth_lightning.report import read
from lth_lightning.sparsity import ERK, SET, AtInit, Gradual, Policy, Random, RigL, count
from lth_lightning.training import Seeds, Sparsify
from lth_lightning.training.captured import Captured
from lth_lightning.training.replicas import Replicas, tensors

pytestmark = pytest.mark.gpu
NETS: dict[str, Any] = {
    "linear layers, batch norm, dropout": tiny.Net,
    "convolutions": partial(CIFARResNet, 8, channels=1, width=0.5),
}
STUDY = {
    "class_path": "Study",
    "init_args": {
        "grid": {"model.optimizer.lr": [0.02, 0.1]},
        "methods": {
            "imp": {
                "class_path": "IterativePruning",
                "init_args": {"rounds": 2, "keep": 0.5, "controls": ["Reinitialised"]},
            },
            "omp": {"class_path": "OneShotPruning", "init_args": {"densities": [0.25]}},
        },
    },
}


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("net", NETS)
def test_a_training_that_is_cut_ends_bit_for_bit_as_if_it_had_not_been(
    net: str, precision: str, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"net": NETS[net], "accelerator": "gpu", "precision": precision}
    Dense().run(tiny.recipe(tmp_path / "whole", **options), tmp_path / "whole" / "seed-0")
    cut = tiny.recipe(
        tmp_path / "cut", save_seconds=0, callbacks=lambda: [tiny.Crash("on_train_batch_start", 7)], **options
    )
    with pytest.raises(SystemError):
        Dense().run(cut, tmp_path / "cut" / "seed-0")
    assert tiny.saved(tmp_path / "cut" / "seed-0" / "round-00") == 6
    Dense().run(tiny.recipe(tmp_path / "cut", **options), tmp_path / "cut" / "seed-0")
    one, other = (tiny.weights(tmp_path / name / "seed-0" / "round-00" / "last.ckpt") for name in ("whole", "cut"))
    assert next(iter(one.values())).abs().sum() > 0
    assert tiny.same(one, other)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed", "bf16-true"])
@pytest.mark.parametrize(
    "policy",
    [
        SET(AtInit(0.3, Random(), ERK()), every="2it"),
        RigL(AtInit(0.3, Random(), ERK()), every="2it"),
        RigL(AtInit(0.3, Random(), ERK()), every="2it", variant="after_step"),
        Gradual(0.3, every="2it"),
    ],
    ids=lambda policy: type(policy).__name__,
)
def test_masks_that_move_keep_their_density_and_come_back_bit_for_bit(
    policy: Policy, precision: str, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"net": NETS["convolutions"], "accelerator": "gpu", "precision": precision}
    sparse = partial(Sparsify, policy)
    whole = tiny.recipe(tmp_path / "whole", callbacks=lambda: [sparse()], **options)
    (result,) = Dense().run(whole, tmp_path / "whole" / "seed-0")
    cut = tiny.recipe(
        tmp_path / "cut",
        save_seconds=0,
        callbacks=lambda: [sparse(), tiny.Crash("on_train_batch_start", 7)],
        **options,
    )
    with pytest.raises(SystemError):
        Dense().run(cut, tmp_path / "cut" / "seed-0")
    again = tiny.recipe(tmp_path / "cut", callbacks=lambda: [sparse()], **options)
    (other,) = Dense().run(again, tmp_path / "cut" / "seed-0")
    assert result.mask == other.mask
    assert result.mask.kept == count(0.3, result.mask.size)
    one, two = (tiny.weights(each.trained) for each in (result, other))
    assert tiny.same(one, two)
    for name, kept in result.mask.items():
        assert not one[name].cpu()[~kept].any()


def test_tickets_are_found_and_trained_on_the_device(tmp_path: Path) -> None:
    recipe = tiny.recipe(tmp_path, net=NETS["convolutions"], accelerator="gpu")
    results = IterativePruning(rounds=2, keep=0.5, controls=[Reinitialised()]).run(recipe, tmp_path)
    assert next(recipe.net(results[0].trained).parameters()).device.type == "cuda"
    for result in results[1:]:
        state = {name: value.cpu() for name, value in tiny.weights(result.trained).items()}
        for name, kept in result.mask.items():
            assert not state[name][~kept].any(), "what is pruned stays zero"
    assert [round(result.row["density"], 3) for result in results] == [1, 0.5, 0.25, 0.5, 0.25]


def test_processes_that_share_a_study_on_one_device_leave_what_one_would_have_left(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({"experiment": STUDY}))
    words = ["run", "--config", "resnet8_digits", "--config", "study.yaml", "--trainer.max_epochs", "3"]
    command = [sys.executable, "-m", "lth_lightning", *words, "--trainer.accelerator", "gpu", "--seeds", "[0,1]"]
    subprocess.run([*command, "--folder", "one"], cwd=tmp_path, check=True)
    shared = [subprocess.Popen([*command, "--folder", "many"], cwd=tmp_path) for _ in range(4)]
    assert [process.wait() for process in shared] == [0, 0, 0, 0]
    one, many = (read(tmp_path / name).set_index("folder") for name in ("one", "many"))
    assert len(one) == 2 * 2 * (1 + 4 + 1)
    columns = ["arm", "method", "lr", "density", "steps", "test_accuracy", "train_loss", "val_loss"]
    assert one[columns].sort_index().equals(many[columns].sort_index())


def test_every_form_of_a_pruned_network_is_timed_on_the_device_and_computes_the_same(tmp_path: Path) -> None:
    recipe = tiny.recipe(tmp_path, net=NETS["convolutions"])
    results = IterativePruning(rounds=1, keep=0.2).run(recipe, tmp_path)
    build = partial(tiny.build, Seeds.of(0), 0, net=NETS["convolutions"])
    analysis = Latency(batches=(8,), seconds=0.05, devices=("cpu", "cuda"))
    rows = analysis.across([Lineage({"seed": 0}, results, lambda init=None: build())])
    assert {(row["device"], row["form"]) for row in rows} >= {
        (device, form) for device in ("cpu", "cuda") for form in ("dense", "masked", "csr")
    }
    assert all(row["latency"] > 0 and row["processor"] for row in rows)
    net = results[1]
    module = build().module
    module.load_state_dict(tiny.weights(net.trained))
    sparse = with_sparse_kernels(module, [*net.mask]).cuda().eval()
    images = torch.randn(4, 1, 8, 8)
    with torch.inference_mode():
        expected, found = module.eval()(images), sparse(images.cuda()).cpu()
    assert torch.allclose(expected, found, atol=1e-2 * float(expected.abs().max()))


@pytest.mark.parametrize(("precision", "most"), [("32-true", 1e-3), ("bf16-mixed", 5e-2)])
def test_replicas_at_once_are_those_in_turn_up_to_float_tolerance(precision: str, most: float, tmp_path: Path) -> None:
    def run(name: str, replicas: int) -> dict[str, torch.Tensor]:
        build = partial(tiny.build, net=NETS["convolutions"], accelerator="gpu", precision=precision)
        experiment = Instability(moments=["0it"])
        Run(experiment, build, tmp_path / name, {}, seeds=[0, 1], replicas=replicas).run()
        return {
            path.relative_to(tmp_path / name).as_posix(): tiny.weights(path)
            for path in sorted((tmp_path / name).rglob("last.ckpt"))
        }

    in_turn, at_once, again = run("in turn", 1), run("at once", 4), run("again", 4)
    assert len(in_turn) == 6
    for name, weights in in_turn.items():
        assert tiny.same(at_once[name], again[name]), "the same graph replays the same numbers"
        for key, weight in weights.items():
            torch.testing.assert_close(at_once[name][key], weight, rtol=most, atol=most)


def test_a_recorded_step_is_that_of_each_network(tmp_path: Path) -> None:
    nets = [NETS["convolutions"]().cuda() for _ in range(3)]
    replicas = Replicas(nets[0], 3).train()
    for number, net in enumerate(nets):
        for name, value in tensors(net):
            replicas.own(number)[name].copy_(value.detach())
    images, labels = torch.randn(3, 16, 1, 8, 8, device="cuda"), torch.randint(0, 10, (3, 16), device="cuda")
    step = Captured(replicas.step, torch.zeros_like(images), torch.zeros_like(labels), replicas.moved)
    for _ in range(2):  # replayed, on other values each time
        images.normal_()
        outcome = step(images, labels)
        for number, net in enumerate(nets):
            net.zero_grad()
            loss = torch.nn.functional.cross_entropy(net.train()(images[number]), labels[number])
            loss.backward()
            torch.testing.assert_close(outcome.losses[number], loss.detach(), rtol=1e-3, atol=1e-4)
            for parameter, gradient in zip(net.parameters(), outcome.gradients, strict=True):
                torch.testing.assert_close(gradient[number], parameter.grad, rtol=1e-2, atol=1e-4)
            for name, value in net.named_buffers():
                torch.testing.assert_close(replicas.own(number)[name], value, rtol=1e-3, atol=1e-4)


def test_how_many_go_at_once_is_measured(tmp_path: Path) -> None:
    built = tiny.build(Seeds.of(0), 0, net=NETS["convolutions"], accelerator="gpu")
    assert measured(built, tmp_path, 8) in (1, 2, 4, 8)


def test_the_bench_times_every_way_on_the_device(capsys: pytest.CaptureFixture[str]) -> None:
    said = lth("bench --config resnet8_digits --turns 1 --at_once [1,4] --trainer.accelerator gpu", capsys)
    assert (said.code, said.err) == (0, "")
    assert "4 such at once, each" in said.out
    assert "compiled: " in said.out
