"""What a stranger types first, and what the commands leave and say when all is well."""

import csv
import logging
import shlex
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union

import pytest
import tiny
import torch
from lightning.pytorch.cli import LightningArgumentParser
from typed import SMALL, left, lth, rows

from lth_lightning import configs, help
from lth_lightning.arguments import Arguments
from lth_lightning.data import Digits
from lth_lightning.parsing import read_integers_as_such
from lth_lightning.training import LastCheckpoint

Capture = pytest.CaptureFixture[str]
LAST = "run/seed-0/round-01/last.ckpt"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Commands run in this process and an empty folder."""
    monkeypatch.setattr(sys, "argv", ["lth"])  # Lightning warns of the words after pytest, which it is not given
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)  # Lightning ignores Ctrl-C for good once it was pressed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small experiment that ran without any disturbance."""
    with pytest.MonkeyPatch.context() as patch, pytest.MonkeyPatch.context() as quiet:
        patch.chdir(folder := tmp_path_factory.mktemp("whole"))
        quiet.setattr(sys, "argv", ["lth"])
        from lth_lightning.cli import main

        assert main(shlex.split(f"{SMALL} --experiment.rounds 1")) == 0
    return folder / "run"


def test_without_arguments_there_is_a_line_for_each_command_and_an_example(capsys: Capture) -> None:
    said = lth("", capsys)
    for command, text in help.COMMANDS.items():
        assert f"  {command:9} {text}\n" in said.out
    assert "example:  lth run --config digits --config imp --folder runs/imp" in said.out
    assert said == lth("--help", capsys) == lth("help", capsys)
    assert said.code == 0


def test_help_and_mistyped_commands_take_no_time() -> None:
    lines = ["", "--help", "run --help", "fit -h", "configs", "rnu", "report --help"]
    code = (
        "import sys; from lth_lightning.cli import main\n"
        f"codes = [main(line.split()) for line in {lines}]\n"
        "print('##', codes, sorted({'torch', 'lightning', 'jsonargparse', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rpartition("##")[2].strip() == "[0, 0, 0, 0, 0, 2, 0] []"


@pytest.mark.slow
def test_a_report_imports_no_training(whole: Path) -> None:
    code = (
        "import sys; from lth_lightning.cli import main\n"
        "print('##', main(['report', 'run']), sorted({'torch', 'lightning', 'jsonargparse'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=whole.parent)
    assert done.stdout.rpartition("##")[2].strip() == "0 []"


def test_the_module_is_the_command(capsys: Capture) -> None:
    done = subprocess.run([sys.executable, "-m", "lth_lightning", "rnu"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == lth("rnu", capsys)
    assert done.stderr.startswith("lth: there is no command 'rnu' (did you mean run?)")


@pytest.mark.parametrize("command", ["run", "fit", "validate", "test", "predict"])
def test_help_names_every_option_of_ours_and_nothing_else(command: str, capsys: Capture) -> None:
    words = "--config digits --config imp --folder run" if command == "run" else "--config digits --folder run"
    if command not in ("run", "fit"):
        words += " --ckpt_path x"
    parser = Arguments(command, configs.resolve(words.split())).parser
    options = {string for action in parser._actions for string in action.option_strings}
    ours = {option for option in options if option.split(".")[0] not in ("--trainer", "--model", "--data")}
    aside = {"-h", "--help", "-c", "--print_shtab", "--prunable", "--bar", "--claims.help", "--analyses.help"}
    aside |= {f"{option}+" for option in options}
    if command != "fit":
        aside |= {"--experiment", "--experiment.help"}
    if command not in ("run", "fit"):  # taken for the sake of an experiment's config.yaml
        aside |= {f"--{name}" for name in set(help.OPTIONS_OF["run"]) - set(help.OPTIONS_OF[command])}
    ours_by_hand = {"--debug", "--help_all", "--slurm", "--jobs"}
    assert ours - aside == {f"--{name}" for name in help.OPTIONS_OF[command]} - ours_by_hand
    said = lth(f"{command} --help", capsys)
    assert all(f"  --{name} " in said.out and help.OPTIONS[name] in said.out for name in help.OPTIONS_OF[command])
    assert f"lth {command} {help.EXAMPLES[command][0]}\n" in said.out
    assert max(map(len, said.out.splitlines())) <= 120


@pytest.mark.parametrize("command", ["run", "fit", "test"])
def test_the_examples_in_the_help_are_right(command: str, capsys: Capture) -> None:
    Path("mine.yaml").write_text("data: {init_args: {batch_size: 32}}\n")
    Path("runs/imp").mkdir(parents=True)
    Path("runs/imp/config.yaml").write_text(configs.shipped()["digits"].read_text())
    for example in help.EXAMPLES[command]:
        said = lth(f"{command} {example} --print_config", capsys)
        assert (said.code, said.err) == (0, "")
        assert "LeNet300100" in said.out or "CIFARResNet" in said.out


def test_all_options_are_shown_when_asked_for(capsys: Capture) -> None:
    said = lth("fit --help_all", capsys)
    assert said.code == 0
    assert "--trainer.gradient_clip_val" in said.out
    assert "lth fit --config digits --folder runs/dense" in said.out


def test_configs_lists_every_shipped_config_by_kind(capsys: Capture) -> None:
    said = lth("configs", capsys)
    for name, path in configs.shipped().items():
        (line,) = (line for line in said.out.splitlines() if line.startswith(f"  {name} "))
        assert line.endswith(configs.title(path))
    headings = [line for line in said.out.splitlines() if line and not line.startswith((" ", "lth"))]
    assert headings == ["tasks", "methods", "experiments", "studies", "analyses", "overlays"]


def test_an_experiment_says_what_it_trains_and_what_came_of_it(whole: Path, capsys: Capture) -> None:
    said = lth(f"{SMALL} --experiment.rounds 1", capsys)
    assert (said.code, said.err) == (0, "")
    assert "IterativePruning: 3 trainings, seed 0, in run\n" in said.out
    assert "50,200 of 50,610 parameters may be pruned, in 3 layers:\n  net.hidden1.weight 300x64\n" in said.out
    assert said.out.endswith("3 trainings are in run/results.jsonl; lth report run draws them\n")
    assert [row["folder"] for row in rows(Path("run"))] == [row["folder"] for row in rows(whole)]
    assert left(Path("run")) == left(whole)


def test_a_second_start_finds_nothing_left_to_do(capsys: Capture) -> None:
    line = "fit --config digits --folder run --data.subset 140 --trainer.max_epochs 1"
    assert lth(line, capsys).out.endswith("1 training is in run/results.jsonl; lth report run draws them\n")
    files = [path for path in Path("run/seed-0").rglob("*") if path.name != ".lock"]
    before = {path: path.stat().st_mtime_ns for path in files}
    said = lth(line, capsys)
    expected = "nothing was left to do: 1 training is in run/results.jsonl; lth report run draws them\n"
    assert said == (0, expected, "")
    assert {path: path.stat().st_mtime_ns for path in files} == before


def interrupt_at(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after so many epochs, over all trainings."""
    ends = LastCheckpoint.on_train_epoch_end
    seen = 0

    def interrupted(self: LastCheckpoint, *args: Any) -> None:
        nonlocal seen
        seen += 1
        ends(self, *args)
        if seen == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(LastCheckpoint, "on_train_epoch_end", interrupted)


@pytest.mark.parametrize("epoch", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_an_interrupted_experiment_says_so_and_goes_on_when_typed_again(
    epoch: int, whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    line = f"{SMALL} --experiment.rounds 1 --save_seconds 0"
    with monkeypatch.context() as patch:
        interrupt_at(epoch, patch)
        said = lth(line, capsys)
    assert said.code == 130
    assert said.err == "lth run: interrupted: the same command line continues where it was\n"
    said = lth(line, capsys)
    assert said.code == 0
    assert ("run: 1 of 3 trainings finished, seed 0\n" in said.out) == (epoch == 3)
    assert left(Path("run")) == left(whole)


def test_one_sparse_training_resumes_to_the_same_end_and_leaves_what_an_experiment_leaves(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    line = "fit --config digits --config random --data.subset 140 --trainer.max_epochs 3 --save_seconds 0 --folder"
    assert lth(f"{line} straight", capsys).code == 0
    with monkeypatch.context() as patch:
        interrupt_at(2, patch)
        assert lth(f"{line} run", capsys).code == 130
    assert lth(f"{line} run", capsys).code == 0
    assert left(Path("run")) == left(Path("straight"))
    (row,) = rows(Path("run"))
    assert (row["arm"], row["density"], row["weights_kept"]) == ("sparse", 0.2, 10040)
    assert row.keys() == rows(whole)[0].keys() | {"structure"}
    of = {path.name for path in (whole / "seed-0" / "round-00").iterdir()}
    assert {path.name for path in Path("run/seed-0/round-00").iterdir()} == of - {"kept-1ep.ckpt"}


def test_a_method_is_added_to_the_callbacks_of_the_task(capsys: Capture) -> None:
    Path("task.yaml").write_text(
        configs.shipped()["digits"].read_text()
        + "  callbacks:\n  - class_path: EarlyStopping\n    init_args: {monitor: val_loss}\n"
    )
    for method in ("random", "magnitude_at_init"):
        config = Arguments("fit", configs.resolve(f"--config task.yaml --config {method} --folder run".split())).config
        assert [callback.class_path.rpartition(".")[2] for callback in config.trainer.callbacks] == [
            "EarlyStopping",
            "Sparsify",
        ]


def measured(said: Any) -> dict[str, float]:
    assert (said.code, said.err) == (0, "")
    return {name: float(value) for name, value in (line.split() for line in said.out.splitlines())}


def test_evaluating_a_checkpoint_gives_exactly_what_its_training_wrote(whole: Path, capsys: Capture) -> None:
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    for row in rows(whole):
        given = f"--config {whole}/config.yaml --ckpt_path {whole}/{row['folder']}/last.ckpt"
        test = measured(lth(f"test {given}", capsys))
        assert test == {name: row[name] for name in ("test_accuracy", "test_loss")}
        validation = measured(lth(f"validate {given}", capsys))
        assert validation == {name: row[name] for name in ("val_accuracy", "val_loss")}
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before


def test_predictions_are_a_class_for_each_test_image(whole: Path, capsys: Capture) -> None:
    row = rows(whole)[1]
    line = f"predict --config {whole}/config.yaml --ckpt_path {whole}/{row['folder']}/last.ckpt --output out/mine.csv"
    assert lth(line, capsys) == (0, "397 predictions are in out/mine.csv\n", "")
    with Path("out/mine.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert header == ["image", "class"]
    assert [int(image) for image, _ in lines] == list(range(397))
    hits = torch.tensor([int(number) for _, number in lines]) == torch.from_numpy(Digits().load().test_labels)
    assert hits.double().mean().item() == pytest.approx(row["test_accuracy"], abs=1e-7)


def test_predictions_lie_beside_the_checkpoint_unless_asked_otherwise(whole: Path, capsys: Capture) -> None:
    Path("last.ckpt").write_bytes((whole / "seed-0" / "round-00" / "last.ckpt").read_bytes())
    said = lth(f"predict --config {whole}/config.yaml --ckpt_path last.ckpt", capsys)
    assert said.out == "397 predictions are in predictions.csv\n"
    assert len(Path("predictions.csv").read_text().splitlines()) == 398


@pytest.mark.slow
def test_the_report_of_a_folder_is_drawn(whole: Path, capsys: Capture) -> None:
    Path("run").symlink_to(whole)
    said = lth("report run", capsys)
    assert (said.code, said.err) == (0, "")
    assert Path("run/report.html").read_text().startswith("<!")
    assert said.out.splitlines()[-1] == "The report is run/report.html."


@pytest.mark.parametrize("place", [0, 1, 3, 5])
def test_debug_shows_the_traceback_wherever_it_stands(place: int, capsys: Capture) -> None:
    words = ["run", "--config", "digits", "--config", "nope"]
    words.insert(place, "--debug")
    said = lth(" ".join(words), capsys)
    plain = lth("run --config digits --config nope", capsys)
    assert said.code == plain.code == 2
    assert said.err.startswith("Traceback (most recent call last):\n")
    assert said.err.endswith(plain.err)
    assert plain.err.count("\n") == 1


def test_a_command_leaves_this_process_as_it_was(capsys: Capture) -> None:
    def state() -> list[Any]:
        levels = [logging.getLogger(name).level for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
        return [*warnings.filters, *levels]

    before = state()
    assert lth("fit --config digits --folder run --data.subset 140 --trainer.max_epochs 1", capsys).code == 0
    assert lth("run --config nope", capsys).code == 2
    assert state() == before


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138)])
def test_a_signal_ends_a_training_with_one_sentence(sent: signal.Signals, code: int) -> None:
    line = "fit --config digits --folder run --trainer.max_epochs 100000 --save_seconds 1e9"
    with subprocess.Popen(
        [sys.executable, "-m", "lth_lightning", *line.split()],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    ) as process:
        try:
            while not Path("run/seed-0/round-00/metrics.jsonl").exists():
                assert process.poll() is None
            process.send_signal(sent)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == code
    assert err.count("\n") == 1
    assert err.endswith(": the same command line continues where it was\n")
    saved = tiny.saved(Path("run/seed-0/round-00"))
    assert saved == 0 if sent == signal.SIGINT else saved >= 20, "Ctrl-C is obeyed at once; the others save first"


def test_one_batch_is_not_all_of_them_whatever_was_imported_first() -> None:
    parser = LightningArgumentParser()
    parser.add_argument("--batches", type=Union[float, int, None])  # noqa: UP007  # float | int is never cached
    assert str(parser.parse_args(["--batches", "1"]).batches) == "1.0", "which Lightning takes for 100 %"
    read_integers_as_such(parser)
    for word in ("1", "0.5", "1.0", "null"):
        assert str(parser.parse_args(["--batches", word]).batches) == word.replace("null", "None")
