"""Traps of other pruning software that belong to no single part of ours; PITFALLS.md says where the others are held."""

import ast
import gc
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import yaml
from foreign import Foreign, fit, momentum
from lightning.pytorch import Callback, LightningModule, Trainer
from packaging.requirements import Requirement
from torch import Tensor, nn

import lth_lightning
from lth_lightning import configs
from lth_lightning.arguments import Arguments
from lth_lightning.data import Digits
from lth_lightning.experiments import Dense, IterativePruning, Reinitialised, Rewind, Ticket
from lth_lightning.experiments.ownership import OtherConfigError
from lth_lightning.experiments.runner import Run
from lth_lightning.sparsity import AtInit, Draw, Fixed, Mask, Now, Policy, Prunable, Random, count, generator, prunable
from lth_lightning.training import KeepCheckpoint, Seeds, Sparsify

HERE = Path(__file__).parent
PACKAGE = Path(lth_lightning.__file__).parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
REQUIRED = {made.name.lower(): made for made in map(Requirement, PROJECT["dependencies"])}


class Redraw(Policy):
    """Another random mask before every step."""

    def start(self, net: nn.Module, weights: Mask, draw: Draw) -> Mask:
        return AtInit(0.5, Random(0)).start(net, weights)

    def update(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        return AtInit(0.5, Random(now.step + 1)).start(net, Mask.dense(mask))


class Memory(Callback):
    """After the second step and every sixth, how many tensors there are, and of how many numbers."""

    def __init__(self) -> None:
        self.tensors: list[tuple[int, int]] = []
        self.masks: list[Mask] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        (sparsify,) = (callback for callback in trainer.callbacks if isinstance(callback, Sparsify))
        self.masks = [*self.masks[-1:], sparsify.mask]
        assert len(self.masks) == 1 or self.masks[0] != self.masks[1]
        if trainer.global_step % 6 != 2:
            return  # looking takes long
        gc.collect()
        tensors = (each.numel() for each in gc.get_objects() if issubclass(type(each), Tensor))
        sizes = [size for size in tensors if isinstance(size, int)]  # what torch.export leaves has none
        self.tensors.append((len(sizes), sum(sizes)))


@pytest.mark.slow
def test_twenty_masks_in_a_row_take_no_more_memory_than_two() -> None:
    memory = Memory()
    fit(Foreign(), Sparsify(Redraw()), memory, max_epochs=5)
    assert len(memory.tensors) == 4
    assert len(set(memory.tensors[1:])) == 1


class Awkward(Foreign):
    """Buffers that are named like masks, and whole numbers among the parameters."""

    def __init__(self) -> None:
        super().__init__(momentum)
        self.register_buffer("attn_mask", torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
        self.body[4].register_buffer("weight_mask", torch.tensor([3, 1, 2]))
        self.levels = nn.Parameter(torch.tensor([7, 8]), requires_grad=False)


@pytest.mark.parametrize("profiler", [None, "simple"])
def test_only_what_is_listed_is_touched_whatever_else_a_network_has(profiler: str | None, tmp_path: Path) -> None:
    module, sparsify = Awkward(), Sparsify(AtInit(0.3))
    path = tmp_path / "end.ckpt"
    fit(module, sparsify, KeepCheckpoint(path, "1ep"), KeepCheckpoint(tmp_path / "end", "end"), profiler=profiler)
    resumed = Awkward()
    fit(resumed, Sparsify(AtInit(0.9)), start=path)
    for name in ("attn_mask", "body.4.weight_mask", "levels"):
        assert torch.equal(module.state_dict()[name], Awkward().state_dict()[name]), name
    assert tiny.same(tiny.weights(tmp_path / "end"), dict(resumed.state_dict()))
    assert tiny.same(dict(deepcopy(module).state_dict()), dict(module.state_dict()))


def test_kept_weights_that_are_zero_or_negative_are_trained_all_the_same() -> None:
    module = Foreign(momentum)
    weight = module.body[4].weight
    with torch.no_grad():
        weight.zero_()
        weight[0] = -1.0
    before = weight.detach().clone()
    kept = torch.rand(weight.shape, generator=generator("test")) < 0.5
    fit(module, Sparsify(Fixed(Mask({"body.4.weight": kept})), Prunable(include=["body.4.*"])))
    assert (weight != before)[kept].float().mean() > 0.95, "few features are zero for every image"
    assert weight[~kept].count_nonzero() == 0


class Grouped(Foreign):
    """Convolutions with everything that rebuilding one could lose."""

    def __init__(self) -> None:
        super().__init__(momentum)
        self.body[0] = nn.Conv2d(1, 4, 3, padding=2, dilation=2)
        self.body[3] = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4, padding=1, padding_mode="circular"), nn.Flatten())
        for weight in prunable(self).values():
            nn.init.trunc_normal_(weight, generator=generator("test"))
            assert weight.count_nonzero() == weight.numel()
        for layer in (self.body[0], self.body[3][0]):
            nn.init.zeros_(layer.bias)


def test_layers_are_never_rebuilt_and_density_one_computes_the_same() -> None:
    plain, under_mask = Grouped(), Grouped()
    layers, described = list(under_mask.modules()), repr(under_mask)
    fit(plain)
    fit(under_mask, Sparsify(AtInit(1.0)))
    assert all(one is other for one, other in zip(layers, under_mask.modules(), strict=True))
    assert repr(under_mask) == described
    assert tiny.same(dict(plain.state_dict()), dict(under_mask.state_dict()))


def test_a_share_is_of_the_remaining_prunable_weights_and_every_row_is_counted_from_the_tensors(
    tmp_path: Path,
) -> None:
    recipe = replace(tiny.recipe(tmp_path), prunable=Prunable(exclude=["net.body.5.weight"]))
    results = IterativePruning(rounds=3, keep=0.8, rewind=Rewind(to="0it")).run(recipe, tmp_path)
    for number, result in enumerate(results):
        weights = tiny.weights(result.trained)
        assert weights["net.body.5.weight"].count_nonzero() == 160, "left dense"
        kept = int(weights["net.body.1.weight"].count_nonzero())
        assert kept == count(0.8**number, 64 * 16)
        assert (result.row["weights_kept"], result.row["weights"], result.row["density"]) == (kept, 1024, kept / 1024)
        assert result.row["layers"] == {"net.body.1.weight": [kept, 1024]}
        assert result.row["density_asked"] == pytest.approx(0.8**number)


class FiveToSix(tiny.Net):
    """An initialisation that no layer of torch has."""

    def __init__(self) -> None:
        super().__init__()
        for weight in self.parameters():
            nn.init.uniform_(weight, 5.0, 6.0)


class Starts(Callback):
    """The weights that each training starts with."""

    def __init__(self, seen: list[dict[str, Tensor]]) -> None:
        self.seen = seen

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 0:
            self.seen.append({name: value.detach().clone() for name, value in pl_module.named_parameters()})


def test_a_reinitialised_network_is_initialised_by_its_own_rule_with_another_seed(tmp_path: Path) -> None:
    seen: list[dict[str, Tensor]] = []
    recipe = tiny.recipe(tmp_path, net=FiveToSix, callbacks=lambda: [Starts(seen)])
    experiment = IterativePruning(rounds=1, keep=0.5, rewind=Rewind(to="0it"), controls=[Reinitialised()])
    _, found, control = experiment.run(recipe, tmp_path)
    dense, ticket, again = seen
    assert control.mask == found.mask
    for name, kept in found.mask.items():
        assert ((again[name][kept] >= 5) & (again[name][kept] <= 6)).all()
        assert torch.equal(ticket[name][kept], dense[name][kept])
        assert not (again[name] == dense[name])[kept].any()
    assert ((again["net.body.5.bias"] >= 5) & (again["net.body.5.bias"] <= 6)).all()


class Reads(Callback):
    """What is read when: a letter per batch and event, and the images that were validated and tested on."""

    def __init__(self, order: list[str], images: dict[str, list[Tensor]]) -> None:
        self.order, self.images = order, images

    def on_train_batch_end(self, *args: Any) -> None:
        self.order.append("t")

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, out: Any, batch: Any, *_: Any) -> None:
        self.order.append("v")
        self.images["validation"].append(batch[0])

    def on_test_batch_end(self, trainer: Trainer, module: LightningModule, out: Any, batch: Any, *_: Any) -> None:
        self.order.append("T")
        self.images["test"].append(batch[0])

    def on_train_end(self, *args: Any) -> None:
        self.order.append("|")


def test_the_test_images_are_read_once_after_each_training_and_select_nothing(tmp_path: Path) -> None:
    order: list[str] = []
    images: dict[str, list[Tensor]] = {"validation": [], "test": []}
    recipe = tiny.recipe(tmp_path, callbacks=lambda: [Reads(order, images)])
    IterativePruning(rounds=2, keep=0.5, rewind=Rewind(to="0it")).run(recipe, tmp_path)
    assert "".join(order) == ("ttttv" * 3 + "|T") * 3
    data = Digits(subset=140)
    data.setup("test")
    there = sum(len(batch) for batch, _ in data.test_dataloader())
    assert sum(len(batch) for batch in images["test"]) == 3 * there
    of_test = {image.numpy().tobytes() for batch in images["test"] for image in batch}
    of_validation = {image.numpy().tobytes() for batch in images["validation"] for image in batch}
    assert of_validation
    assert not of_test & of_validation


def test_the_accuracies_of_a_row_are_those_of_its_checkpoint_and_the_best_is_named_so(tmp_path: Path) -> None:
    recipe = tiny.recipe(tmp_path, net=lambda: tiny.LeNet300100(inputs=64, width=0.1))
    for result in IterativePruning(rounds=1, keep=0.3).run(recipe, tmp_path):
        built = tiny.build(recipe.seeds, 99, net=lambda: tiny.LeNet300100(inputs=64, width=0.1))
        built.module.load_state_dict(tiny.weights(result.trained))
        again = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False)
        (validated,) = again.validate(built.module, datamodule=built.data, verbose=False)
        (tested,) = again.test(built.module, datamodule=built.data, verbose=False)
        assert {name: result.row[name] for name in (validated | tested)} == validated | tested
        curve = [yaml.safe_load(line) for line in (result.folder / "metrics.jsonl").read_text().splitlines()]
        assert len({row["val_loss"] for row in curve}) == len(curve) > 1, "every epoch has its own"
        assert result.row["val_accuracy_best"] == max(row["val_accuracy"] for row in curve)


class Roots(Callback):
    """Where each Trainer looks for its files, the step it begins at, and who else is there."""

    def __init__(self, seen: list[tuple[Path, int, list[str]]]) -> None:
        self.seen = seen

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        others = [type(callback).__name__ for callback in trainer.callbacks]  # type: ignore[attr-defined]
        self.seen.append((Path(trainer.default_root_dir), trainer.global_step, others))


def test_under_slurm_a_training_reads_no_checkpoint_of_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Path, int, list[str]]] = []
    root = tmp_path / "run"
    other = tiny.recipe(tmp_path / "other").train(Ticket(), tmp_path / "other" / "a")
    for folder in (tmp_path, root, root / "seed-0"):
        folder.mkdir(exist_ok=True)
        (folder / "hpc_ckpt_9.ckpt").write_bytes(other.trained.read_bytes())
    for name, value in {"JOB_ID": "1", "NTASKS": "1", "JOB_NAME": "imp", "PROCID": "0", "LOCALID": "0"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setenv("SLURM_NODEID", "0")
    monkeypatch.chdir(tmp_path)
    recipe = tiny.recipe(root, callbacks=lambda: [Roots(seen)])
    IterativePruning(rounds=1, keep=0.5, rewind=Rewind(to="0it")).run(recipe, root / "seed-0")
    assert [(path, step) for path, step, _ in seen] == [(root / "seed-0" / f"round-0{i}", 0) for i in (0, 1)]


def test_callbacks_of_a_config_stand_beside_ours(tmp_path: Path) -> None:
    seen: list[tuple[Path, int, list[str]]] = []
    tiny.recipe(tmp_path, callbacks=lambda: [Roots(seen)]).train(Ticket(), tmp_path / "a", ["1ep"])
    assert {"Roots", "Sparsify", "SeedSteps", "History", "KeepCheckpoint", "LastCheckpoint"} <= set(seen[0][2])


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all plain values in a configuration."""
    items = value.items() if isinstance(value, dict) else ()
    if not items:
        yield path
    for key, item in items:
        yield from leaves(item, (*path, key))


def test_a_folder_belongs_to_every_setting_but_those_that_change_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["lth"])
    words = ["--config", "digits", "--config", "imp", "--folder", str(tmp_path)]
    config = Arguments("run", configs.resolve(words)).resolved()
    monkeypatch.setattr("lth_lightning.experiments.ownership._read", lambda _: config)  # reading it each time is slow
    (tmp_path / "seed-0").mkdir()
    (tmp_path / "seed-0" / "last.ckpt").touch()
    taken = []
    for *path, last in leaves(config):
        other: Any = deepcopy(config)
        place = other
        for key in path:
            place = place[key]
        place[last] = "something else"
        try:
            Run(IterativePruning(), tiny.build, tmp_path, other).claim()
            taken.append(".".join([*path, last]))
        except OtherConfigError as error:
            assert ".".join([*path, last]) in str(error)  # noqa: PT017
    bar = {f"bar.{name}" for name in ("tolerance", "gap", "nontrivial", "epochs", "alpha")}
    grows = {f"experiment.init_args.{name}" for name in ("rounds", "controls", "controls_at")}
    assert (
        set(taken)
        == {"folder", "seeds", "track", "save_seconds", "replicas", "retry", "claims", "analyses"} | bar | grows
    )
    assert {"data.init_args.split_seed", "trainer.precision"} <= {".".join(path) for path in leaves(config)}


def test_seeds_have_folders_and_rows_of_their_own(tmp_path: Path) -> None:
    results = Run(Dense(), lambda seeds, init: tiny.build(seeds, init), tmp_path, {}, seeds=[3, 4]).run()
    assert [result.folder.relative_to(tmp_path).parts[0] for result in results] == ["seed-3", "seed-4"]
    assert [yaml.safe_load(line)["seed"] for line in (tmp_path / "results.jsonl").read_text().splitlines()] == [3, 4]
    assert not tiny.same(*(tiny.weights(result.trained) for result in results))
    assert Seeds.of(3) != Seeds.of(4)


@pytest.mark.parametrize(
    ("package", "refused", "taken"),
    [("lightning", ["2.6.2", "2.6.3"], ["2.6.1", "2.6.6"]), ("torch", ["2.13.0"], ["2.12.0", "2.15.0"])],
)
def test_bad_releases_are_excluded_by_the_pins(package: str, refused: list[str], taken: list[str]) -> None:
    specifier = REQUIRED[package].specifier
    assert not any(version in specifier for version in refused)
    assert all(version in specifier for version in taken)


DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "torch_pruning": "torch-pruning", "yaml": "pyyaml"}


def parsed() -> Iterator[tuple[Path, ast.AST]]:
    """Every piece of every file of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            yield path, node


def test_every_package_that_is_imported_is_among_the_requirements() -> None:
    found: set[str] = set()
    for _, node in parsed():
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    foreign = found - set(sys.stdlib_module_names) - {"lth_lightning"}
    assert {DISTRIBUTIONS.get(name, name) for name in foreign} <= set(REQUIRED)


@pytest.mark.slow
def test_every_module_imports_where_nothing_is_installed_for_development() -> None:
    modules = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in PACKAGE.rglob("*.py")]
    wanted = sorted(name.removesuffix(".__init__") for name in modules if not name.endswith("__main__"))
    absent = ["pytest", "hypothesis", "mypy", "ruff", "xdist"]
    code = (
        f"import importlib, sys; sys.modules.update(dict.fromkeys({absent}))\n"
        f"for name in {wanted}: importlib.import_module(name)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_no_argument_is_a_sparsity_or_a_percentage_and_no_error_is_swallowed_unseen() -> None:
    for path, node in parsed():
        names = [node.arg] if isinstance(node, ast.arg) else []
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        for name in names:
            assert not re.search(r"(?i)sparsity|sparsities|percent|amount", name), f"{name} in {path.name}"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"a bare except in {path.name}"


def test_every_test_named_in_the_table_of_pitfalls_exists() -> None:
    table = (HERE / "PITFALLS.md").read_text()
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", table)
    assert len(named) > 100
    there = {path: path.read_text() for path in HERE.rglob("test_*.py")}
    missing = [f"{file}::{test}" for file, test in named if f"def {test}(" not in there.get(HERE / file, "")]
    assert missing == []
    lines = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith(("| pitfall", "|--"))]
    assert [line for line in lines if "`" not in line and "later: " not in line and "said in " not in line] == []
