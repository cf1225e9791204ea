"""What each command does."""

import errno
import logging
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from rich.console import Console

from . import configs
from .arguments import EVALUATIONS, EvaluationCLI, TrainingCLI
from .experiments import Built
from .experiments.progress import TerminalProgress
from .experiments.runner import OtherConfigError, Run
from .mistakes import UsageError, usage_errors
from .sparsity import Prunable
from .training import Seeds


def dispatch(command: str, args: list[str]) -> int:
    """Run a command; errors are one sentence on stderr, with exit code 2 for usage and 1 for failure.

    Args:
        command: Its name.
        args: The words after it; `--debug` among them shows tracebacks.
    """
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    if not debug:
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # a line of advertising per Trainer
        warnings.filterwarnings("ignore", module="lightning.*")
    try:
        return _run(command, args)
    except SystemExit as stop:
        if stop.code == 0:
            return 0
        error: BaseException = stop
    except (KeyboardInterrupt, Exception) as caught:
        error = caught
    if debug:
        traceback.print_exception(error)
    code, text = _told(error)
    print(f"lth {command}: {' '.join(text.split())}{'' if debug else _hint(code)}", file=sys.stderr)
    return code


def _told(error: BaseException) -> tuple[int, str]:
    """The exit code and the text of an error."""
    if isinstance(error, UsageError | OtherConfigError | MisconfigurationException):
        return 2, str(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return 130, "interrupted: the same command line continues where it was"
    if isinstance(error, OSError):
        return 1, _out_of_space(error) or str(error)
    return 1, f"{error}" if isinstance(error, ValueError | RuntimeError) else f"{type(error).__name__}: {error}"


def _hint(code: int) -> str:
    return " (--debug shows where)" if code == 1 else ""


def _out_of_space(error: OSError) -> str | None:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return None
    return (
        f"the disk is full ({error.strerror}: {error.filename or 'a file of this run'}): free some space and type the "
        "same command again; what was finished is kept, and the training that was cut resumes from its last checkpoint"
    )


def _run(command: str, args: list[str]) -> int:
    if command in ("run", "fit"):
        return run(_resolved(args), pruning=command == "run")
    if command in EVALUATIONS:
        return evaluate(command, _resolved(args))
    if command == "report":
        return report(args)
    if command == "configs":
        return list_configs()
    from .cli import COMMANDS

    raise UsageError(f"there is no command '{command}'; the commands are {', '.join(COMMANDS)}")


def _resolved(args: list[str]) -> list[str]:
    with usage_errors():
        return configs.resolve(args)


def run(args: list[str], pruning: bool) -> int:
    """`lth run` and `lth fit`."""
    console = Console()
    with usage_errors():
        cli = TrainingCLI(args, pruning)
        config = cli.resolved()
        built = cli.build(Seeds.of(0), 0)
        prunable: Prunable = cli.parser.instantiate(cli.config).prunable
        weights = prunable(built.module)
        folder = Path(cli.config.folder)
        job = Run(cli.experiment(), cli.build, folder, config, cli.config.seeds, prunable, cli.config.save_seconds)
        job.claim()
    built.data.prepare_data()
    _introduce(console, job, built, weights)
    tracker = _tracker(cli.config.track, folder, config, console)
    with TerminalProgress(console, job.trainings) as progress:
        try:
            job.run([progress, *([tracker] if tracker else [])])
        finally:
            if tracker:
                tracker.close()
    console.print(f"All {job.trainings} trainings are in {folder}/results.jsonl; lth report {folder} draws them.")
    return 0


def _introduce(console: Console, job: Run, built: Built, weights: dict[str, Any]) -> None:
    """Say what will be trained and which weights may be pruned."""
    names = [f"  {name} {'x'.join(map(str, weight.shape))}" for name, weight in weights.items()]
    kept, total = sum(weight.numel() for weight in weights.values()), sum(p.numel() for p in built.module.parameters())
    say = getattr(built.data, "describe", lambda: type(built.data).__name__)
    lines = [
        f"{type(job.experiment).__name__}: {job.trainings} trainings, seeds {list(job.seeds)}, in {job.folder}",
        say(),
        f"{kept:,} of {total:,} parameters may be pruned, in {len(names)} layers:",
        *names,
    ]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _tracker(mode: str, folder: Path, config: dict[str, Any], console: Console) -> Any:
    if mode == "none":
        return None
    from .training.tracking import track  # wandb takes a second to import

    return track(
        "wandb" if mode == "wandb" else "offline", folder, config, lambda text: console.print(text, soft_wrap=True)
    )


def evaluate(command: str, args: list[str]) -> int:
    """`lth validate`, `lth test` and `lth predict`."""
    with usage_errors():
        EvaluationCLI(
            args=[command, *args],
            save_config_callback=None,
            auto_configure_optimizers=False,
            trainer_defaults={"logger": False},
            parser_kwargs={"exit_on_error": False, **{name: {"exit_on_error": False} for name in EVALUATIONS}},
        )
    return 0


def report(args: list[str]) -> int:
    """`lth report FOLDER`."""
    if len(args) != 1 or args[0].startswith("-"):
        raise UsageError("write: lth report FOLDER, where FOLDER is that of an experiment")
    from .report import summary, write_report  # matplotlib takes a second to import

    write_report(Path(args[0]))
    for line in summary(Path(args[0])):
        print(line)
    return 0


def list_configs() -> int:
    """`lth configs`."""
    console = Console()
    known = configs.shipped()
    for folder in dict.fromkeys(path.parent for path in known.values()):
        console.print(f"[bold]{folder.name}[/bold]")
        for name, path in known.items():
            if path.parent == folder:
                console.print(f"  {name:24} {configs.title(path)}", highlight=False, markup=False, soft_wrap=True)
    console.print("Use them by name: lth run --config TASK --config EXPERIMENT --folder FOLDER")
    return 0
