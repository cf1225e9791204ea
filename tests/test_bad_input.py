"""Whatever is wrong ends with one sentence that names the value and the remedy; what was written stays whole."""

import os
import re
import resource
import shlex
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from typed import SMALL, Said, left, lth, rows

from lth_lightning import commands
from lth_lightning.experiments import ownership, recipe, results
from lth_lightning.files import held
from lth_lightning.training import checkpoints, load, rewinding
from lth_lightning.training.misfit import MisfitError, check_shapes

Capture = pytest.CaptureFixture[str]
IMP = "run --config digits --config imp --folder run"
OMP = "run --config digits --config omp --folder run"
GREEDY = "run --config digits --config greedy --folder run"
FIT = "fit --config digits --folder run"
MOVING = "--folder run --trainer.callbacks.init_args.policy.init_args"
PLAIN = f"{SMALL} --experiment.controls [] --experiment.rounds"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands run in this process and an empty folder."""
    monkeypatch.setattr(sys, "argv", ["lth"])  # Lightning warns of the words after pytest, which it is not given
    monkeypatch.chdir(tmp_path)


def files(folder: Path) -> set[str]:
    """What is in a folder, without hidden files, by which processes share it."""
    there = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return {path.as_posix() for path in there}


def refused(said: Said, code: int, *parts: str) -> None:
    """One sentence with these parts in this order."""
    assert said.code == code, said
    assert re.fullmatch(r"lth( \w+)?: .{20,420}\n", said.err), said.err
    assert not re.search(r"Namespace|<class|init_args=|\[Errno|Traceback", said.err), said.err
    places = [said.err.find(part) for part in parts]
    assert -1 not in places, (parts, said.err)
    assert places == sorted(places), said.err


MISTAKES = [
    # what is missing
    (
        "run",
        "where to write (--folder runs/imp), an experiment (--config imp) and a task (--config digits) are missing",
    ),
    ("fit --config digits", "where to write (--folder runs/imp) is missing: for example, lth fit --config digits"),
    ("run --config digits --config imp --folder ''", "where to write (--folder runs/imp) is missing"),
    ("run --config digits --folder run", "an experiment (--config imp) is missing: for example, lth run"),
    ("run --config imp --folder run", "a task (--config digits) is missing: for example"),
    (
        "fit --folder run --model Classifier --model.net LeNet300100",
        "data (--data lth_lightning.data.Digits) is missing",
    ),
    ("fit --folder run --data Digits --model Classifier", "model is not complete: give --model.net"),
    ("test --config digits", "a checkpoint (--ckpt_path FILE) is missing: for example, lth test"),
    ("test --config digits --ckpt_path nope.ckpt", "there is no file nope.ckpt: give a checkpoint, such as"),
    ("run --config", "--config needs a value after it"),
    ("report", "give the folder of an experiment, such as lth report runs/imp"),
    ("report nope", "there is no folder 'nope': name the one that"),
    ("report .", "'.' has no results.jsonl: name the folder that"),
    # names that there are not
    ("rnu", "there is no command 'rnu' (did you mean run?): the commands are run, fit,"),
    (
        "run --config imq",
        "there is no config 'imq' (did you mean imp?): give a file, or a name that 'lth configs' lists",
    ),
    ("run --config a/b.yaml", "there is no config 'a/b.yaml': give a file, or a name"),
    (f"{IMP} --bogus 3", "there is no option --bogus"),
    (f"{IMP} extra", "'extra' belongs to no option: give options as --key value"),
    (f"{IMP} --rounds 3", "there is no option --rounds (did you mean --experiment.rounds?)"),
    (f"{IMP} --batch_size 3", "there is no option --batch_size (did you mean --data.batch_size?)"),
    (f"{IMP} --trainer.max_epoch 3", "there is no option --trainer.max_epoch (did you mean --trainer.max_epochs?)"),
    (f"{IMP} --experiment.roundz 3", "experiment: IterativePruning takes no 'roundz' (did you mean rounds?)"),
    (f"{IMP} --experiment.rewind.too 1ep", "experiment.rewind takes no 'too' (did you mean to?)"),
    (f"{IMP} --model.nett.width 3", "model: Classifier takes no 'nett' (did you mean net?)"),
    (f"{IMP} --model.optimizer.lrr 3", "model.optimizer: Adam takes no 'lrr' (did you mean lr?)"),
    (f"{IMP} --data.workers 3", "data: Digits takes no 'workers': it takes batch_size, eval_batch_size,"),
    (f"{IMP} --experiment.criterion Magnitud", "there is no class 'Magnitud' (did you mean Magnitude?)"),
    (f"{IMP} --experiment.controls [Reinitialized]", "'Reinitialized' (did you mean Reinitialised?)"),
    (f"{IMP} --experiment.criterion Fisher", "'Fisher': a class of yours needs its full path, such as my.module.Class"),
    (f"{IMP} --experiment.criterion my.Fisher", "experiment.criterion: there is no module 'my' to import"),
    (f"{IMP} --experiment.criterion torch.nn.ReLU", "torch.nn.ReLU is no Criterion: give the path of a class"),
    (f"{IMP} --model.optimizer Adan", "model.optimizer: there is no class 'Adan' (did you mean torch.optim.Adam?)"),
    (f"{IMP} --model.optimizer torch.optim.Adan", "there is no 'Adan' in torch.optim (did you mean Adam?)"),
    (f"{IMP} --model.net lth_lightning.modelz.VGG", "there is no 'modelz' in lth_lightning (did you mean models?)"),
    (f"{IMP} --data lth_lightning.data.Digit", "there is no 'Digit' in lth_lightning.data (did you mean Digits?)"),
    (f"{FIT} --trainer.callbacks+=Sparsfy", "'Sparsfy' (did you mean lth_lightning.training.Sparsify?)"),
    (f"{FIT} --trainer.callbacks [3]", "trainer.callbacks: give the path of a class derived from Callback"),
    (
        f"{FIT} --trainer.callbacks+=torch.nn.Linear",
        "trainer.callbacks: give the path of a class derived from Callback",
    ),
    (f"fit --config digits --config snip {MOVING}.criterion Snip", "policy.criterion: there is no", "mean SNIP?"),
    (
        f"fit --config digits --config snip {MOVING}.density x",
        "callbacks.policy.density is 'x', which must be a number",
    ),
    (
        f"fit --config digits --config snip {MOVING}.sample.bathes 3",
        "trainer.callbacks.policy.sample takes no 'bathes' (did you mean batches?)",
    ),
    # values that cannot be
    (f"{IMP} --experiment.rounds two", "experiment.rounds is 'two', which must be a whole number"),
    (f"{IMP} --experiment.rounds 0", "rounds is 0: prune at least once, or"),
    (f"{IMP} --model.net.width wide", "model.net.width is 'wide', which must be a number"),
    (f"{IMP} --model.optimizer.lr fast", "model.optimizer.lr is 'fast', which must be a number"),
    (f"{IMP} --model.optimizer.lr -1", "(--model.optimizer...): Invalid learning rate: -1.0"),
    (f"{IMP} --model.schedule StepLR", "model.schedule is not complete: give --model.schedule.step_size"),
    (f"{IMP} --model.label_smoothing 2", "label_smoothing is a share of each label, from 0 to below 1, not 2.0"),
    (f"{IMP} --trainer.max_epochs many", "trainer.max_epochs is 'many', which must be a whole number"),
    (f"{IMP} --trainer.max_epochs 0", "trainer.max_epochs is 0, so nothing would be trained: give 1 or more"),
    (f"{IMP} --trainer.precision 7", "trainer.precision is '7', which must be one of 64, 32, 16,"),
    (f"{IMP} --trainer.accelerator abacus", "accelerator='abacus'"),
    (f"{IMP} --trainer.devices 2 --trainer.strategy ddp_spawn", "2 devices train together by trainer.strategy=ddp"),
    (f"{IMP} --trainer.devices 2 --replicas 4", "replicas is 4, but 2 devices train one network at a time"),
    (f"{IMP} --trainer.devices 2 --data.batch_size 33", "in batches of 33 cannot be shared by 2 devices"),
    (
        f"{IMP} --trainer.devices 2 --data.subset 143 --data.batch_size 32",
        "129 images in batches of 32 cannot be shared",
    ),
    (f"{IMP} --trainer.fast_dev_run true", "trainer.fast_dev_run is True, so nothing would be", "--config debug"),
    (f"{IMP} --trainer.enable_checkpointing false", "trainer.enable_checkpointing is False, so nothing would be"),
    (f"{IMP} --trainer.max_epochs null", "neither trainer.max_epochs nor trainer.max_steps is set: say how long"),
    (f"{IMP} --track yes", "track is 'yes', which must be one of wandb, offline, none"),
    (f"{IMP} --save_seconds -1", "save_seconds is -1.0: give seconds, or 0 to save after every step"),
    (f"{IMP} --seeds 3", "seeds is '3', which must be a list, such as [1, 2]"),
    (f"{IMP} --seeds []", "seeds is []: give at least one, such as [0]"),
    (f"{IMP} --seeds [0,1,0]", "seeds is [0, 1, 0]: give each replicate a number of its own, 0 or more"),
    (f"{IMP} --seeds [-1]", "seeds is [-1]: give each replicate a number of its own, 0 or more"),
    (f"{IMP} --experiment.keep 1.5", "keep is the share of remaining weights kept in a round, in (0, 1], not 1.5"),
    (f"{OMP} --experiment.densities [0.5,0]", "density is the share of weights kept, in (0, 1], not 0"),
    (f"{OMP} --experiment.densities 0.5", "experiment.densities is '0.5', which must be a list"),
    (
        f"{OMP} --experiment.densities [0.5,0.000001]",
        "density 1e-06 of 50,200 weights keeps none: ask for",
    ),
    (f"{IMP} --experiment.rewind.to 3epochs", "a moment of training is written like '500it' or '2ep'", "not '3epochs'"),
    (f"{IMP} --model.schedule Milestones --model.schedule.milestones [3ep,x]", "like '500it' or '2ep'", "not 'x'"),
    (f"{IMP} --model.schedule Milestones --model.schedule.milestones [3]", "is '3', which must be text (a number in"),
    (f"{IMP} --experiment.rewind.to end", "rewind.more is '0ep': to continue from the end, say how long, such as 10ep"),
    (
        f"{IMP} --experiment.rewind.to 300ep",
        "training ends after 600 steps, before 300ep (step 6000): choose an earlier",
    ),
    (f"{IMP} --experiment.rewind.to 30ep", "training ends at 30ep (step 600), so nothing is left to train from there"),
    (f"{IMP} --experiment.controls_at [3,11]", "controls_at names round 11, but the rounds are 1 to 10: leave it out"),
    # settings that do not go together
    (
        "fit --config digits --config imp --folder run",
        "lth fit trains once and takes no experiment: leave its config out",
    ),
    (
        "run --config debug --config digits --config imp --folder run",
        "keys of model are set before its class is chosen",
    ),
    (
        "run --config digits --config fine_tuning --folder run --trainer.max_steps 9",
        "max_steps 9: set max_epochs, and no",
    ),
    ("run --config digits --config random --config imp --folder run", "trainer.callbacks have a Sparsify of their own"),
    (
        "run --config digits --config random --trainer.callbacks.initialise SparseFanIn --config omp --folder run",
        "not the Sparsify's initialise, SparseFanIn(scale=2.0): leave it out and ask for the control Reinitialised",
    ),
    (f"{IMP} --model.net torch.nn.Flatten", "no convolution or linear layer, so no weights that can be pruned: choose"),
    (f"{IMP} --prunable.exclude [net.tail.*]", "'net.tail.*' matches none of the prunable weights net.hidden1.weight,"),
    (f"{IMP} --prunable.exclude ['net.*']", "exclude=['net.*'] leaves no weight to prune: exclude less"),
    (f"{IMP} --model.net.num_classes 5", "gives 5 outputs an image, but the data has 10 classes", "num_classes 10"),
    (f"{IMP} --model.net.inputs 100", "LeNet300100 does not take images of 1x8x8 (", "2x64 and 100x300", "--model.net"),
    (f"{IMP} --data.subset 5", "a subset of 5 training images", "choose a number in between"),
    # masks that move
    (
        f"fit --config digits --config rigl {MOVING}.every 700it",
        "every is 700it (700 steps), but training ends after 600 steps, so the mask would not move: give a shorter",
    ),
    (f"fit --config digits --config set {MOVING}.fraction 1.5", "share of kept weights to exchange, from 0 to 1, not"),
    (f"fit --config digits --config set {MOVING}.begin 30ep", "begin is 30ep (step 600), but training ends after 600"),
    (f"fit --config digits --config gmp {MOVING}.end 4ep", "end is 4ep, before begin, 5ep: give a later end or an"),
    (f"fit --config digits --config gmp {MOVING}.end 31ep", "end is 31ep (step 620), but training ends after 600"),
    (f"fit --config digits --config gmp {MOVING}.criterion SNIP", "SNIP scores by training images, which gradual"),
    (f"fit --config digits --config gmp {MOVING}.density 0.000001", "density 1e-06 of 50,200 weights keeps none"),
    (
        "run --config digits --config rigl --config omp --folder run",
        "RigL moves its mask during training, so it finds no ticket to rewind: use lth fit",
    ),
    # whole neurons
    (f"{GREEDY} --experiment.densities [0.5,0.0001]", "density 0.0001 is out of reach: one neuron in each of the 2"),
    (f"{GREEDY} --experiment.policy.selection BatchNormScale", "net.hidden1 has no batch norm with a scale to choose"),
    (f"{GREEDY} --experiment.policy.selection L1", "there is no class 'L1'"),
    (f"{GREEDY} --experiment.settings.trainer.max_epochs -1", "layers are pruned at equal distances over a training"),
    (f"{GREEDY} --experiment.policy.tolerance_of nothing", "must be one of layer, output, accuracy"),
    (f"{GREEDY} --experiment.policy.tolerance -0.1", "tolerance is -0.1: give a share of 0 or more, such as 0.02"),
    (f"{GREEDY} --prunable.include ['net.head.*']", "no layer of Classifier has neurons that could be taken out"),
]


@pytest.mark.parametrize(
    ("line", "parts"),
    [  # every third by default: parsing a command line takes a while
        pytest.param(line, parts, id=line, marks=[pytest.mark.slow] * (number % 3 > 0))
        for number, (line, *parts) in enumerate(MISTAKES)
    ],
)
def test_a_mistake_is_told_in_one_sentence_and_costs_no_folder(line: str, parts: list[str], capsys: Capture) -> None:
    refused(lth(line, capsys), 2, *parts)
    assert files(Path()) <= {"run/config.yaml"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", "mine.yaml is empty: a config is keys and values, such as"),
        ("# trainer: {max_epochs: 3}\n", "mine.yaml is empty: a config is keys and values"),
        ("trainer:\n  max_epochs: 3\n  devices: [1\nseeds: [0]\n", "mine.yaml, line 4 is not YAML"),
        ("- 1\n- 2\n", "mine.yaml holds a list: a config is keys and values"),
        ("bogus: 3\n", "a config has no key 'bogus': it takes model, data, trainer, experiment"),
        ("trainer: {max_epoch: 3}\n", "trainer takes no 'max_epoch' (did you mean max_epochs?)"),
        ("experiment: {init_args: {rounds: two}}\n", "experiment.rounds is 'two', which must be a whole number"),
        ("experiment: {init_args: {roundz: 2}}\n", "IterativePruning takes no 'roundz' (did you mean rounds?)"),
        ("model: {init_args: {net: {class_path: a.B}}}\n", "model.net: there is no module 'a' to import"),
    ],
)
def test_a_mistake_in_a_config_file_is_told_like_one_on_the_line(text: str, parts: str, capsys: Capture) -> None:
    Path("mine.yaml").write_text(text)
    refused(lth(f"{IMP} --config mine.yaml", capsys), 2, parts)
    assert not Path("run").exists()


def test_binary_files_and_folders_are_no_configs(capsys: Capture) -> None:
    Path("mine.yaml").write_bytes(b"\x80\x02PK\xff")
    refused(lth(f"{IMP} --config mine.yaml", capsys), 2, "mine.yaml is not YAML (", "give a text file")
    Path("imp").mkdir()
    Path("imp/config.yaml").write_text("seeds: [0]")
    refused(lth("run --config imp/", capsys), 2, "'imp/' is a folder: give its config, --config imp/config.yaml")


def test_a_folder_where_nothing_can_be_written_is_refused(capsys: Capture) -> None:
    Path("file").write_text("mine")
    line = "run --config digits --config imp --folder"
    refused(lth(f"{line} file", capsys), 2, "cannot write in file (it is a file): choose another --folder")
    refused(lth(f"{line} file/in", capsys), 2, "cannot write in file/in (Not a directory): choose another --folder")
    assert Path("file").read_text() == "mine"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small experiment of one round, and the same of two rounds, that ran without any disturbance."""
    folders = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lth"])
        for rounds in ("1", "2"):
            patch.chdir(folder := tmp_path_factory.mktemp(f"rounds_{rounds}"))
            commands.dispatch("run", [*PLAIN.split()[1:], rounds], debug=False)
            folders[rounds] = folder / "run"
    return folders


@pytest.mark.slow
def test_a_folder_of_another_config_is_refused_naming_the_keys(made: dict[str, Path], capsys: Capture) -> None:
    shutil.copytree(made["1"], "run")
    line = f"{PLAIN} 1 --model.optimizer.lr 0.5 --experiment.rewind.to 0it"
    refused(
        lth(line, capsys),
        2,
        "run belongs to another configuration (",
        "model.init_args.optimizer.init_args.lr is 0.0012 there, 0.5 here",
        "experiment.init_args.rewind.to is '1ep' there, '0it' here",
        "choose another --folder, or delete it",
    )
    assert left(Path("run")) == left(made["1"])
    assert Path("run/config.yaml").read_bytes() == (made["1"] / "config.yaml").read_bytes()


def test_a_folder_in_which_nothing_was_trained_belongs_to_nobody(made: dict[str, Path], capsys: Capture) -> None:
    assert lth(f"{PLAIN} 1 --experiment.rewind.to 300ep", capsys).code == 2
    assert lth(f"{PLAIN} 1", capsys).code == 0
    assert left(Path("run")) == left(made["1"])


def test_a_folder_in_which_another_process_works_is_left_alone(made: dict[str, Path], capsys: Capture) -> None:
    shutil.copytree(made["1"], "run")
    shutil.rmtree("run/seed-0")
    with held(Path("run/seed-0")):
        refused(
            lth(f"{PLAIN} 1", capsys),
            1,
            f"run/seed-0 is in use by process {os.getpid()} on {socket.gethostname()}: wait for its end, or stop it",
        )
        assert [path.name for path in Path("run/seed-0").iterdir()] == [".lock"]
    assert lth(f"{PLAIN} 1", capsys).code == 0
    assert left(Path("run")) == left(made["1"])


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("a: [1"), Path.touch])
def test_trainings_without_their_config_are_not_continued(
    damage: Callable[[Path], None], made: dict[str, Path], capsys: Capture
) -> None:
    shutil.copytree(made["1"], "run")
    config = Path("run/config.yaml")
    config.write_text("")
    damage(config)
    refused(lth(f"{PLAIN} 1", capsys), 2, "run/config.yaml is missing or damaged", "another --folder")
    assert left(Path("run")) == left(made["1"])


@pytest.mark.parametrize(
    "rewind",
    ["--experiment.rewind.to 3ep", pytest.param("--experiment.rewind {to: end, more: 1ep}", marks=pytest.mark.slow)],
)
def test_a_moment_that_early_stopping_comes_before_is_told_whenever_it_is_typed(rewind: str, capsys: Capture) -> None:
    stopping = "{class_path: EarlyStopping, init_args: {monitor: val_loss, min_delta: 10, patience: 1}}"
    Path("stop.yaml").write_text(f"trainer: {{max_epochs: 5, callbacks: [{stopping}]}}")
    line = f"{IMP} --config stop.yaml --data.subset 140 {shlex.join(rewind.split(' ', 1))}"
    said = lth(line, capsys)
    refused(said, 2, "training stopped after 4 steps, before ", "choose an earlier moment, or let it train that long")
    assert lth(line, capsys).err == said.err


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def text(path: Path) -> None:
    path.write_text("not a checkpoint")


def of_another_network(path: Path) -> None:
    torch.save({**load(path), "state_dict": {"net.other": torch.ones(3, 4)}}, path)


def of_something_else(path: Path) -> None:
    torch.save({"weights": torch.ones(3)}, path)


def of_another_training(path: Path) -> None:
    torch.save({**load(path), "callbacks": {}}, path)


TICKET, DENSE = "run/seed-0/round-01", "run/seed-0/round-00"
SLOW = pytest.mark.slow
DAMAGES = [
    # the file, what happened to it, what had not been finished, what the sentence says
    pytest.param(f"{TICKET}/last.ckpt", truncated, [], "is truncated, or not a Lightning checkpoint", marks=SLOW),
    pytest.param(f"{TICKET}/last.ckpt", of_another_network, [], "is of another network (net.", marks=SLOW),
    pytest.param(f"{TICKET}/last.ckpt", Path.unlink, [], "is missing", marks=SLOW),
    (f"{TICKET}/last.ckpt", truncated, ["result.pt"], "is truncated, or not a Lightning checkpoint"),
    pytest.param(f"{TICKET}/last.ckpt", of_another_network, ["result.pt"], "is of another network (net.", marks=SLOW),
    (f"{TICKET}/last.ckpt", of_another_training, ["result.pt"], "is of another training: delete"),
    pytest.param(f"{TICKET}/start.ckpt", text, ["result.pt", "last.ckpt"], "is truncated, or not", marks=SLOW),
    pytest.param(
        f"{TICKET}/start.ckpt",
        of_something_else,
        ["result.pt", "last.ckpt"],
        "is truncated, or not a Lightning",
        marks=SLOW,
    ),
    pytest.param(f"{DENSE}/kept-1ep.ckpt", truncated, [], "is truncated, or not a Lightning checkpoint", marks=SLOW),
    pytest.param(f"{DENSE}/kept-1ep.ckpt", Path.unlink, [], "is missing", marks=SLOW),
    pytest.param(f"{TICKET}/result.pt", truncated, [], "is truncated, or not a result", marks=SLOW),
    pytest.param(f"{TICKET}/result.pt", of_something_else, [], "is truncated, or not a result", marks=SLOW),
]


@pytest.mark.parametrize(("file", "damage", "unfinished", "what"), DAMAGES)
def test_a_damaged_file_is_named_and_deleting_what_the_sentence_says_mends_it(
    file: str,
    damage: Callable[[Path], None],
    unfinished: list[str],
    what: str,
    made: dict[str, Path],
    capsys: Capture,
) -> None:
    shutil.copytree(made["1"], "run")
    for name in unfinished:
        Path(TICKET, name).unlink()
    damage(Path(file))
    line = f"{PLAIN} 2"
    said = lth(line, capsys)
    refused(said, 1, f"{file} {what}")
    assert rows(Path("run"))[0] == rows(made["1"])[0]
    (bad,) = re.findall(r"delete (\S+),", said.err)
    shutil.rmtree(bad) if Path(bad).is_dir() else Path(bad).unlink()
    assert lth(line, capsys).code == 0
    assert left(Path("run")) == left(made["2"])


@pytest.mark.parametrize("cut", [pytest.param(1, marks=SLOW), 400, pytest.param(700, marks=SLOW)])
def test_results_cut_within_a_line_are_written_again(cut: int, made: dict[str, Path], capsys: Capture) -> None:
    shutil.copytree(made["1"], "run")
    ledger = Path("run/results.jsonl")
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[:-cut])
    assert lth(f"{PLAIN} 1", capsys).code == 0
    assert ledger.read_bytes() == whole


def test_results_cut_after_any_byte_leave_the_rows_before_readable(tmp_path: Path, made: dict[str, Path]) -> None:
    whole = (made["1"] / "results.jsonl").read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole), 7):
        (tmp_path / "cut").write_bytes(whole[:end])
        assert results.Ledger(tmp_path / "cut").rows.items() >= {"seed-0/round-00": rows(made["1"])[0]}.items()


WRITES = [
    pytest.param(ownership, "replacing", 1, "run/config.yaml", marks=SLOW),
    pytest.param(checkpoints, "replacing", 1, "run/seed-0/round-00/kept-1ep.ckpt", marks=SLOW),
    pytest.param(checkpoints, "replacing", 2, "run/seed-0/round-00/last.ckpt", marks=SLOW),
    (results, "save", 1, "run/seed-0/round-00/result.pt"),
    pytest.param(results, "replacing", 1, "run/results.jsonl", marks=SLOW),
    pytest.param(rewinding, "save", 1, "run/seed-0/round-01/start.ckpt", marks=SLOW),
    pytest.param(checkpoints, "replacing", 3, "run/seed-0/round-01/last.ckpt", marks=SLOW),
    (results, "replacing", 2, "run/results.jsonl"),
]


@pytest.fixture
def fill() -> Iterator[Callable[[bool], None]]:
    """Makes files of more than 100 bytes fail, or not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda full: resource.setrlimit(resource.RLIMIT_FSIZE, (100 if full else before[0], before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("module", "name", "nth", "file"), WRITES)
def test_on_a_full_disk_it_says_so_and_goes_on_when_there_is_space(
    module: Any,
    name: str,
    nth: int,
    file: str,
    fill: Callable[[bool], None],
    made: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    write = getattr(module, name)
    writes = 0

    def until_full(*args: Any) -> Any:
        nonlocal writes
        writes += 1
        fill(writes >= nth)
        return write(*args)

    line = f"{PLAIN} 1"
    with monkeypatch.context() as patch:
        patch.setattr(module, name, until_full)
        said = lth(line, capsys)
    fill(False)
    refused(said, 1, f"the disk is full at {file} (File too large): free some space and type the same command again")
    there = [path for path in Path("run").rglob("*") if path.is_file()]
    assert not [path for path in there if "partial" in path.name]
    for path in there:
        if path.suffix in (".ckpt", ".pt"):
            torch.load(path, weights_only=True)
    if Path("run/results.jsonl").exists():
        assert all(row in rows(made["1"]) for row in rows(Path("run")))
    assert lth(line, capsys).code == 0
    assert left(Path("run")) == left(made["1"])


def arrays(**changed: Any) -> dict[str, Any]:
    good = {
        "train_images": np.zeros((40, 8, 8), np.uint8),
        "train_labels": np.arange(40) % 4,
        "test_images": np.zeros((8, 8, 8), np.uint8),
        "test_labels": np.arange(8) % 4,
    }
    return good | changed


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        pytest.param(
            {"train_images": np.zeros((40, 8, 8))}, "train_images is float64: give pixels as uint8, 0..255", marks=SLOW
        ),
        ({"train_images": np.zeros((40, 64), np.uint8)}, "train_images has shape (40, 64): give (N, height, width"),
        pytest.param(
            {"train_labels": np.arange(39)},
            "train_labels has shape (39,) for 40 images: give one label per image",
            marks=SLOW,
        ),
        pytest.param(
            {"test_labels": np.arange(8)},
            "test_labels has the value 7 but train_labels ends at 3: number the classes",
            marks=SLOW,
        ),
        ({"test_images": np.zeros((8, 9, 9), np.uint8)}, "are (8, 8, 1) but test_images are (9, 9, 1)"),
        ({}, "LeNet300100 gives 10 outputs an image, but the data has 4 classes: set its number of outputs"),
    ],
)
def test_data_of_the_wrong_shape_is_told(changed: dict[str, Any], parts: str, capsys: Capture) -> None:
    np.savez("mine.npz", **arrays(**changed))
    refused(lth(f"{IMP} --data lth_lightning.data.Npz --data.path mine.npz", capsys), 2, parts)
    assert files(Path("run")) == {"config.yaml"}


def test_data_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    said = lth(f"{IMP} --data lth_lightning.data.Npz --data.path mine.npz", capsys)
    refused(said, 1, "mine.npz does not exist: write it with np.savez and train_images,")

    def offline(*args: Any, **options: Any) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", offline)
    said = lth("run --config resnet20_cifar10 --config imp --folder run --data.root here", capsys)
    refused(said, 1, "CIFAR10 is not in here", "could not be downloaded", "no network", "put either of them there")
    assert not Path("run/seed-0").exists()


def test_what_nobody_foresaw_is_told_with_the_way_to_find_out_more(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def surprise(*args: Any) -> None:
        raise ZeroDivisionError("division by\nzero")

    monkeypatch.setattr(recipe, "describe", surprise)
    line = f"{FIT} --data.subset 140 --trainer.max_epochs 1"
    said = lth(line, capsys)
    assert said[0::2] == (1, "lth fit: ZeroDivisionError: division by zero (--debug shows where)\n")
    shown = lth(f"{line} --debug", capsys).err
    assert "in surprise\n" in shown
    monkeypatch.undo()


class Fickle(nn.Module):
    """A network that a careless trial would change: batch norm, dropout, a frozen part, a buffer written in place."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3))
        self.body[2].eval()

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        logits: Tensor = self.body(images + torch.rand_like(images))
        return logits


@pytest.mark.parametrize(("shape", "classes"), [((3, 2, 2), 3), ((3, 2, 2), 4), ((1, 2, 2), 3)])
def test_trying_a_network_on_the_shape_of_the_data_leaves_it_as_it_was(shape: tuple[int, ...], classes: int) -> None:
    net = Fickle().double()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    objects = [id(tensor) for tensor in (*net.parameters(), *net.buffers())]
    modes = [module.training for module in net.modules()]
    random = torch.get_rng_state()
    if (shape, classes) == ((3, 2, 2), 3):
        check_shapes(net, shape, classes)
    else:
        with pytest.raises(MisfitError, match=r"gives 3 outputs|does not take images of 1x2x2"):
            check_shapes(net, shape, classes)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert [id(tensor) for tensor in (*net.parameters(), *net.buffers())] == objects
    assert all(parameter.grad is None for parameter in net.parameters())
    assert [module.training for module in net.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)
