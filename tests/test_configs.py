"""The shipped configs: each says what it is, and composes with the others."""

import argparse
import re
import sys
from functools import cache
from importlib import import_module
from inspect import isclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from composing import SHIPPED, made, names, parsed
from jsonargparse import ArgumentParser, Namespace
from lightning.pytorch import Callback, LightningDataModule
from lightning.pytorch.callbacks import EarlyStopping
from torch import nn

from lth_lightning import configs
from lth_lightning.arguments import Arguments
from lth_lightning.cli import main
from lth_lightning.experiments import Control, Experiment, Rewind
from lth_lightning.sparsity import Allocation, AtInit, Criterion, Initialisation, Policy, Prunable, Random
from lth_lightning.training import LearningRateSchedule, Seeds, Sparsify


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands run in this process and an empty folder."""
    monkeypatch.setattr(sys, "argv", ["lth"])  # Lightning warns of the words after pytest, which it is not given
    monkeypatch.chdir(tmp_path)


def composed(*words: str) -> Namespace:
    return parsed(*words).config


def test_every_kind_of_config_is_there() -> None:
    assert {"digits", "lenet_mnist", "resnet20_cifar10", "vgg16_cifar10", "mobilenetv2_cifar100"} <= set(names("tasks"))
    wanted = {"imp", "imp_from_init", "omp", "lr_rewinding", "fine_tuning", "dense"}
    assert wanted <= set(names("experiments"))
    assert "demo" in names("studies")
    assert SHIPPED["debug"].parent.name == "configs"


def test_names_are_unique() -> None:
    assert len(SHIPPED) == len(list(SHIPPED["debug"].parent.rglob("*.y*ml")))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_config_begins_with_what_it_is_in_a_line(name: str) -> None:
    lines = SHIPPED[name].read_text().splitlines()
    assert lines[0].startswith("# ")
    assert lines[0].endswith((".", "?")), "a sentence"
    assert configs.title(SHIPPED[name]) == lines[0][2:]
    commands = ("# lth run --config ", "# lth fit --config ", "# lth analyze ")
    assert name == "digits" or any(line.startswith(commands) for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_the_command_in_a_configs_header_is_right(name: str) -> None:
    commands = re.findall(r"^# lth (run|fit) (.*?)(?:   .*)?$", SHIPPED[name].read_text(), re.MULTILINE)
    for command, words in commands:
        assert name in words.split()
        assert Arguments(command, configs.resolve(words.split())).config.folder


@pytest.mark.parametrize("experiment", names("experiments"))
def test_an_experiment_composes_with_digits(experiment: str) -> None:
    cli = parsed("--config", "digits", "--config", experiment)
    assert cli.experiment(None).trainings >= 1
    own = yaml.safe_load(SHIPPED[experiment].read_text())["experiment"]
    assert cli.config.experiment.class_path.rpartition(".")[2] == own["class_path"]
    assert cli.config.data.class_path == "lth_lightning.data.Digits"


@pytest.mark.slow
@pytest.mark.parametrize("task", names("tasks"))
def test_a_task_composes_with_an_experiment_and_the_overlay(task: str) -> None:
    config = composed("--config", task, "--config", "omp", "--config", "debug")
    own = yaml.safe_load(SHIPPED[task].read_text())
    assert config.model.init_args.net.class_path == own["model"]["init_args"]["net"]["class_path"]
    assert config.model.init_args.net.init_args.width == 0.125
    assert (config.trainer.max_epochs, config.data.init_args.subset) == (2, 300)
    for name, value in own["model"]["init_args"]["net"]["init_args"].items():
        assert config.model.init_args.net.init_args[name] == (0.125 if name == "width" else value)
    for name, value in own["model"]["init_args"]["optimizer"]["init_args"].items():
        assert config.model.init_args.optimizer.init_args[name] == value


def test_the_published_settings_are_those_of_the_papers() -> None:
    frankle = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0001}
    for task in ("resnet20_cifar10", "vgg16_cifar10"):
        config = composed("--config", task, "--config", "imp")
        assert {name: config.model.init_args.optimizer.init_args[name] for name in frankle} == frankle
        assert config.model.init_args.schedule.init_args.milestones == ["80ep", "120ep"]
        assert (config.trainer.max_epochs, config.data.init_args.batch_size) == (160, 128)
    assert composed("--config", "lenet_mnist", "--config", "imp").model.init_args.optimizer.init_args.lr == 0.0012
    rewinds = {
        "imp": Rewind("kept", "1ep"),
        "imp_from_init": Rewind("kept", "0it"),
        "lr_rewinding": Rewind("trained", "0it"),
        "fine_tuning": Rewind("trained", "end", "10ep"),
        "omp": Rewind("kept", "0it"),
    }
    for experiment, rewind in rewinds.items():
        assert made("--config", "digits", "--config", experiment).rewind == rewind  # type: ignore[attr-defined]


@cache
def flat(*words: str) -> dict[str, Any]:
    """Key -> value of digits + imp and the words."""
    config = composed("--config", "digits", "--config", "imp", *words)
    return {key: value for key, value in vars(config.as_flat()).items() if key != "config"}


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("--trainer.max_epochs 5", {"trainer.max_epochs": 5}),
        ("--model.init_args.net.init_args.width 0.5", {"model.init_args.net.init_args.width": 0.5}),
        ("--model.net.width 0.5", {"model.init_args.net.init_args.width": 0.5}),
        ("--model.init_args.optimizer.init_args.lr 0.5", {"model.init_args.optimizer.init_args.lr": 0.5}),
        ("--experiment.init_args.rewind.to 3it", {"experiment.init_args.rewind.to": "3it"}),
        ("--experiment.init_args.controls []", {"experiment.init_args.controls": []}),
        (
            "--experiment.init_args.allocation ERK",
            {
                "experiment.init_args.allocation.class_path": "lth_lightning.sparsity.ERK",
                "experiment.init_args.allocation.init_args.power": 1.0,
                "experiment.init_args.allocation.init_args.dense": [],
            },
        ),
        ("--data.batch_size 7 --seeds [3,4]", {"data.init_args.batch_size": 7, "seeds": [3, 4]}),
        ("--prunable.exclude [net.head.weight]", {"prunable.exclude": ["net.head.weight"]}),
        (
            "--config debug --trainer.max_epochs 5",
            {
                "trial": True,
                "trainer.max_epochs": 5,
                "trainer.limit_test_batches": 1,
                "model.init_args.net.init_args.width": 0.125,
                "data.init_args.subset": 300,
                "data.init_args.eval_batch_size": 500,
            },
        ),
    ],
)
def test_an_override_changes_what_it_names_and_nothing_else(words: str, changes: dict[str, Any]) -> None:
    before, after = flat(), flat(*words.split())
    assert {key: after.get(key) for key in {**before, **after} if before.get(key) != after.get(key)} == changes


def test_of_two_settings_the_later_one_on_the_command_line_holds() -> None:
    base = ["--config", "imp", "--config", "digits"]
    assert composed("--trainer.max_epochs", "5", *base).trainer.max_epochs == 30
    assert composed(*base, "--trainer.max_epochs", "5").trainer.max_epochs == 5
    assert composed(*base, "--trainer.max_epochs", "5", "--config", "debug").trainer.max_epochs == 2


def test_a_file_of_ones_own_composes_and_wins_over_a_shipped_one_of_its_name() -> None:
    Path("imp").write_text("experiment: {class_path: OneShotPruning, init_args: {densities: [0.3]}}")
    assert composed("--config", "digits", "--config", "imp").experiment.init_args.densities == [0.3]
    assert composed("--config", "digits", "--config=imp").experiment.init_args.densities == [0.3]
    assert composed("-c", "digits", "-c", "./imp").experiment.init_args.densities == [0.3]
    Path("imp").rename("other.yaml")
    Path("imp").mkdir()
    assert composed("--config", "digits", "--config", "imp").experiment.init_args.rounds == 10


@pytest.mark.parametrize("words", [["--config", "inp"], ["--config=inp"], ["-c", "inp.yaml"], ["--config", "configs"]])
def test_a_misspelt_config_is_refused_in_a_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", "digits", *words, "--folder", "run"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("lth run: ")
    assert f"'{words[-1].removeprefix('--config=')}'" in error
    assert "'lth configs'" in error
    assert error.count("\n") == 1
    assert not Path("run").exists()


METHODS = {name: SHIPPED[name].read_text() for name in names("methods")}
METHODS["of one's own"] = """
trainer:
  callbacks+:
    class_path: lth_lightning.training.Sparsify
    init_args:
      policy: {class_path: AtInit, init_args: {density: 0.2, criterion: Random}}
"""
STOPPING = "{class_path: lightning.pytorch.callbacks.EarlyStopping, init_args: {monitor: val_loss}}"


@pytest.mark.parametrize("method", METHODS)
def test_a_method_adds_its_callback_to_those_that_are_there(method: str) -> None:
    Path("method.yaml").write_text(METHODS[method])
    Path("stopping.yaml").write_text(f"trainer: {{callbacks+: [{STOPPING}]}}")
    both = ["--config", "stopping.yaml", "--config", "method.yaml"]
    cli = parsed("--config", "digits", *both, command="fit")
    stopping, sparsify = callbacks(cli)
    assert (type(stopping), type(sparsify)) == (EarlyStopping, Sparsify)
    assert sparsify is not callbacks(cli)[1], "every training gets its own"


@pytest.mark.slow
@pytest.mark.parametrize("task", names("tasks"))
def test_no_task_is_in_the_way_of_a_method(task: str) -> None:
    Path("method.yaml").write_text(METHODS["of one's own"])
    (callback,) = parsed("--config", task, "--config", "method.yaml", command="fit").config.trainer.callbacks
    assert callback.class_path == "lth_lightning.training.Sparsify"


def test_a_callback_can_be_added_on_the_command_line() -> None:
    Path("method.yaml").write_text(METHODS["of one's own"])
    cli = parsed("--config", "digits", "--config", "method.yaml", "--trainer.callbacks+", STOPPING, command="fit")
    sparsify, stopping = callbacks(cli)
    assert isinstance(sparsify, Sparsify)
    assert isinstance(stopping, EarlyStopping)
    assert sparsify.policy == AtInit(0.2, Random())


def callbacks(cli: Arguments) -> list[Callback]:
    return list(cli.build(Seeds.of(0), 0).trainer["callbacks"])


@pytest.mark.parametrize("command", ["run", "fit"])
def test_every_option_has_a_help_text(command: str) -> None:
    experiment = ["--config", "imp"] if command == "run" else []
    actions = parsed("--config", "digits", *experiment, command=command).parser._actions
    options = {action.option_strings[0]: action.help for action in actions if action.help != argparse.SUPPRESS}
    assert {"--trainer.max_epochs", "--folder", "--seeds", "--track", "--save_seconds", "--model"} <= options.keys()
    assert [option for option, text in options.items() if not text] == []


NAMED = (nn.Module, LightningDataModule, Callback, Experiment, Control, Rewind)
NAMED += (Criterion, Allocation, Initialisation, Policy, Prunable, LearningRateSchedule)
CLASSES = [
    found
    for package in ("models", "data.datasets", "training", "sparsity", "experiments")
    for found in vars(import_module(f"lth_lightning.{package}")).values()
    if isclass(found) and issubclass(found, NAMED) and found.__module__.startswith("lth_lightning")
]


def test_every_argument_of_every_class_that_a_config_can_name_has_a_help_text() -> None:
    assert len(CLASSES) > 40
    for found in CLASSES:
        parser = ArgumentParser()
        parser.add_class_arguments(found, "it")
        assert [action.dest for action in parser._actions if not action.help] == [], found
