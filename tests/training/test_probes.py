"""Looks at a training network: of the right weights, at the right steps, and without changing anything."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from foreign import Foreign, fit
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.nn.functional import cross_entropy

from lth_lightning.experiments import Result, Ticket
from lth_lightning.sparsity import SET, AtInit, Mask, Policy, Random
from lth_lightning.training import GradientFlow, HessianSpectrum, Probe, Sparsify, write_start
from lth_lightning.training.sampling import first_images

Row = dict[str, Any]
FEW = 40  # images: a whole batch of 32 and a part of the next


class Moves(Policy):
    """Drops a random half of the weights, and another before every third step."""

    def start(self, net: nn.Module, weights: Mask, draw: Any = None) -> Mask:
        return AtInit(0.5, Random(0)).start(net, weights)

    def update(self, net: nn.Module, mask: Mask, now: Any) -> Mask:
        return AtInit(0.5, Random(now.step)).start(net, Mask.dense(mask)) if now.step in (3, 6) else mask


def plain() -> nn.Module:
    """Without batch norm, whose running statistics would move within a step, and small."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.ReLU(), nn.Linear(4, 10))


class States(Callback):
    """Keeps all weights before every step and after the last, as another callback finds them."""

    def __init__(self) -> None:
        self.found: list[dict[str, torch.Tensor]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.found.append({name: value.clone() for name, value in pl_module.state_dict().items()})

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.on_train_batch_start(trainer, pl_module)


def train(folder: Path, *callbacks: Callback, **options: Any) -> Result:
    """Three epochs of four steps under whatever the callbacks do."""
    return tiny.recipe(folder, callbacks=lambda: callbacks, **options).train(Ticket(own=True), folder / "a")


def rows(folder: Path, name: str = "gradient_flow") -> list[Row]:
    return [json.loads(line) for line in (folder / "a" / f"{name}.jsonl").read_text().splitlines()]


def probes() -> list[Probe]:
    return [
        GradientFlow("1it", FEW),
        HessianSpectrum(["0it", "5it", "end"], updates=True, images=9, exact_below=0, top=1, steps=3, probes=1),
    ]


def test_there_is_a_row_of_the_first_step_of_every_so_many_and_of_the_last(tmp_path: Path) -> None:
    train(tmp_path, GradientFlow("5it", FEW))
    found = rows(tmp_path)
    assert [row["step"] for row in found] == [0, 5, 10, 12]
    assert {row["images"] for row in found} == {FEW}
    for row in found:
        assert row["norm"] == pytest.approx(sum(norm**2 for norm in row["layers"].values()) ** 0.5)
    train(tmp_path / "by epoch", GradientFlow("1ep", 10**6))
    found = rows(tmp_path / "by epoch")
    assert [(row["step"], row["images"]) for row in found] == [(step, 126) for step in (0, 4, 8, 12)], "all there are"


def test_a_norm_is_that_of_the_ticket_on_images_as_they_are(tmp_path: Path) -> None:
    states, sparsify = States(), Sparsify(AtInit(0.3, Random(0)))
    train(tmp_path, GradientFlow("4it", FEW), states, sparsify)
    built = tiny.build(tiny.Seeds.of(0), 0)
    built.data.augment = False
    batches = list(built.data.train_dataloader())
    images, labels = (torch.cat([batch[part] for batch in batches])[:FEW] for part in (0, 1))
    for row in rows(tmp_path):
        built.module.load_state_dict(states.found[row["step"]])
        built.module.zero_grad()
        cross_entropy(built.module.eval()(images), labels).backward()
        for name, norm in row["layers"].items():
            gradient = built.module.get_parameter(name).grad
            masked = gradient * sparsify.mask[name] if name in sparsify.mask else gradient
            assert norm == pytest.approx(masked.norm().item(), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 2}, {"gradient_clip_val": 0.1}], ids=str)
def test_training_is_bit_for_bit_the_same_with_and_without(options: dict[str, Any], tmp_path: Path) -> None:
    alone, watched = States(), States()
    random: list[torch.Tensor] = []
    for folder, states, more in (("without", alone, []), ("with", watched, probes())):
        torch.manual_seed(0)
        train(tmp_path / folder, states, Sparsify(Moves()), *more, **options)
        random.append(torch.get_rng_state())
    assert len(alone.found) == len(watched.found) > 6
    assert all(tiny.same(one, other) for one, other in zip(alone.found, watched.found, strict=True))
    assert torch.equal(*random)
    assert {row["step"] for row in rows(tmp_path / "with") if "norm" in row} == set(
        range(13 if len(options) == 0 or "gradient_clip_val" in options else 7)
    )


def test_a_move_of_the_mask_is_seen_from_both_sides(tmp_path: Path) -> None:
    train(tmp_path, Sparsify(Moves()), GradientFlow("1it", FEW), HessianSpectrum(["3it"], True, 9), net=plain)
    found = {(row["step"], row.get("when")): row for row in rows(tmp_path)}
    assert [step for step, when in found if when == "move"] == [3, 6]
    for step in (3, 6):
        row = found[step, "move"]
        assert row["before"] == pytest.approx(found[step, None]["norm"]), "weights do not change between steps"
        assert row["after"] != pytest.approx(row["before"], rel=1e-3)
    spectra = rows(tmp_path, "hessian")
    assert [(row["step"], row.get("when")) for row in spectra] == [
        *((3, None), (3, "before"), (3, "after"), (6, "before"), (6, "after"))
    ]
    assert spectra[0]["values"] == pytest.approx(spectra[1]["values"], abs=1e-9)
    size = (64 * 4 + 4 * 10) // 2 + 4 + 10
    assert {(row["exact"], row["size"], len(row["values"])) for row in spectra} == {(True, size, size)}


def test_a_policy_that_moves_after_the_step_is_seen_too(tmp_path: Path) -> None:
    train(tmp_path, GradientFlow("1it", FEW), Sparsify(SET(AtInit(0.5, Random(0)), every="4it", end="end")))
    found = [row for row in rows(tmp_path) if row.get("when") == "move"]
    assert found
    assert all(row["step"] > 0 for row in found)


def test_a_large_networks_spectrum_is_approximated_beside_its_ends(tmp_path: Path) -> None:
    for folder, below in (("exact", 5000), ("large", 100)):
        train(
            tmp_path / folder,
            HessianSpectrum(["end"], images=FEW, exact_below=below, top=3, steps=40, probes=2),
            Sparsify(AtInit(0.3, Random(0))),
        )
    (exact,), (large,) = rows(tmp_path / "exact", "hessian"), rows(tmp_path / "large", "hessian")
    assert (exact["exact"], large["exact"], exact["size"]) == (True, False, large["size"])
    assert "top" not in exact
    assert large["top"] == pytest.approx(exact["values"][:-4:-1], rel=1e-5)
    assert large["lowest"] == pytest.approx(exact["values"][0], rel=1e-5)
    assert sum(large["weights"]) == pytest.approx(1)
    assert len(large["values"]) == 80


def test_its_time_is_noted_beside_the_trainings_and_nowhere_else(tmp_path: Path) -> None:
    train(tmp_path, *probes(), Sparsify(Moves()))
    told = json.loads((tmp_path / "a" / "timing.json").read_text())
    assert set(told) == {"seconds", "gradient_flow", "hessian"}
    assert 0 < told["gradient_flow"] + told["hessian"] < told["seconds"]
    assert not any("second" in text for text in (tmp_path / "a" / "gradient_flow.jsonl").read_text().split('"'))


def test_a_ticket_that_starts_later_is_looked_at_from_there_on(tmp_path: Path) -> None:
    recipe = tiny.recipe(tmp_path, callbacks=lambda: [GradientFlow("4it", FEW)])
    recipe.train(Ticket(), tmp_path / "dense", keep=["3it"])
    kept = tmp_path / "dense" / "kept-3it.ckpt"
    recipe.train(Ticket(start=write_start(tmp_path / "a" / "start.ckpt", kept, kept)), tmp_path / "a")
    assert [row["step"] for row in rows(tmp_path)] == [3, 4, 8, 12]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: GradientFlow("200"), r"a moment of training is written like '500it' or '2ep'"),
        (lambda: GradientFlow("0it"), r"every is '0it': look after each so many steps or epochs"),
        (lambda: GradientFlow("end"), r"every is 'end'"),
        (lambda: GradientFlow(images=0), r"images is 0: look at 1 training image or more"),
        (lambda: GradientFlow(batch_norm="none"), r"batch_norm is 'none': normalise by 'running' statistics"),
        (lambda: HessianSpectrum([]), r"at is empty and updates false, so there is nothing to look at"),
        (lambda: HessianSpectrum(["soon"]), r"a moment of training is written like"),
        (lambda: HessianSpectrum(top=0), r"top is 0: give 1 or more"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(make: Callable[[], Probe], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_a_moment_after_the_end_and_missing_data_are_refused_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"training ends after 12 steps, before 13it \(step 13\), when HessianSpectrum"
    ):
        train(tmp_path, HessianSpectrum(["13it"]))
    module = Foreign()
    with pytest.raises(
        ValueError, match=r"GradientFlow looks at training images, but there is no data module: give one"
    ):
        fit(module, GradientFlow(), default_root_dir=tmp_path)
    assert module.batches == 0


def test_the_first_images_are_those_of_a_fresh_loader_and_leave_the_data_module_alone() -> None:
    data = tiny.build(tiny.Seeds.of(0), 0).data
    whole = torch.cat([images for images, _ in first_images(data, 10**6)])
    assert (len(whole), data.augment) == (126, True)
    assert torch.equal(torch.cat([images for images, _ in first_images(data, 40)]), whole[:40])
    augmented = torch.cat([images for images, _ in data.train_dataloader()])
    assert not torch.equal(whole, augmented)
