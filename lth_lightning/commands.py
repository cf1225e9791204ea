"""What each command does."""

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from . import configs
from .arguments import Arguments
from .beginnings import made_by
from .ended import remember
from .evaluating import evaluate
from .experiments import Built, Dense, Observer, Study
from .experiments.leading import others
from .experiments.ownership import Completed
from .experiments.progress import TerminalProgress
from .experiments.refusals import own_sparsify
from .experiments.replicating import measured
from .experiments.runner import Run
from .experiments.status import told
from .failures import UsageError, out_of_space
from .files import InUseError
from .jobs import share
from .mistakes import missing, refusals, usage_errors
from .reporting import folder_of
from .slurm import requeueing, submit
from .sparsity import Mask
from .training import CollapseWarning, InTurnWarning, Seeds
from .training.devices import default_threads


def dispatch(command: str, args: list[str], debug: bool) -> int:
    """Run a command.

    Args:
        command: Its name.
        args: The words after it.
        debug: Whether Lightning may say what it likes.

    Returns:
        The exit code, 0: whatever goes wrong is raised.
    """
    with refusals(), _quiet(debug):
        if command in ("run", "fit"):
            train(command, configs.resolve(args))
        elif command == "status":
            status(args)
        elif command == "analyze":
            from .analyzing import analyze  # reads reports, and so imports what draws them

            analyze(folder_of("analyze", args[:1]), args[1:])
        elif command == "bench":
            from .benching import bench

            bench(configs.resolve(args))
        elif command == "export":
            from .exporter import export  # imports what follows channels through a network

            export(folder_of("export", args[:1]), args[1:])
        else:
            evaluate(command, configs.resolve(args))
    return 0


@contextmanager
def _quiet(debug: bool) -> Iterator[None]:
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        shown = warnings.showwarning
        warnings.showwarning = lambda message, category, *rest: (
            print(f"warning: {message}", file=sys.stderr)
            if issubclass(category, CollapseWarning | InTurnWarning)
            else shown(message, category, *rest)
        )
        if not debug:
            for logger in loggers:
                logger.setLevel(logging.ERROR)  # it has a line of advertising per Trainer
            warnings.filterwarnings("ignore", module="lightning.*")
        warnings.filterwarnings("always", category=CollapseWarning)
        warnings.filterwarnings("default", category=InTurnWarning)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def train(command: str, args: list[str]) -> None:
    """`lth run` and `lth fit`."""
    words, (most, args) = args, sharers("--slurm", args) if command == "run" else (None, args)
    processes, args = sharers("--jobs", args) if command == "run" else (None, args)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with usage_errors(command):
        arguments = Arguments(command, args)
        if not (given := arguments.config).folder:
            raise UsageError(missing(["folder"], command))
        built = arguments.build(Seeds.of(0), 0)
        own = own_sparsify(built.trainer["callbacks"])
        job = Run(
            arguments.experiment(own),
            arguments.build,
            Path(given.folder),
            arguments.resolved(),
            arguments.seeds,
            arguments.prunable(own),
            given.save_seconds,
            given.retry,
            1 if given.replicas == "auto" else given.replicas,
            arguments.varied,
        )
        trainer = job.trainer(built)
        if trainer.global_rank:
            return job.follow(trainer, [command, *args])
        weights = job.prunable(built.module)
        arguments.check_claims(own)
        todo = job.missing()
        if todo:  # or else nothing can go wrong, and what a study would check takes seconds
            job.check(built)
        if processes is not None and not job.shares:
            raise UsageError(
                f"--jobs {processes} shares a study's parts or an experiment's seeds, and this is one experiment with "
                "one seed: give it more, such as --seeds [0,1,2], or leave --jobs out"
            )
        if processes is not None and trainer.world_size > 1:
            raise UsageError(f"--jobs {processes} are trainings of one device each: leave it or trainer.devices out")
        _claim(job, lambda config: Arguments.completed(command, config))
        torch.set_num_threads(default_threads(built.module))
        if todo:
            built.data.prepare_data()
            job.check_data(built)
            _introduce(console, job, built, weights)
            if given.replicas == "auto" and most is processes is None and trainer.world_size == 1:
                job = replace(job, replicas=measured(built, job.folder, job.trainings))
                if job.replicas > 1:
                    console.print(f"{job.replicas} trainings step at once, which was measured to be the fastest")
    if most is not None:
        typed = [*args, *([] if processes is None else ["--jobs", str(processes)])]
        console.print(submit(typed, job.folder, job.missing(), most))
        return
    tracker = _tracker(given.track, job, console)
    with requeueing(job.folder):
        with TerminalProgress(console, job.trainings, lambda: job.finished) as progress:
            if processes is not None and todo:
                share(args, job.folder, processes, progress)
            with others(trainer, [command, *args]) as them:
                watch = partial(_watch, job, progress, tracker)
                replace(job, along=them.along).run(watch, thorough=tracker is not None)
        console.print(_told(job, left := job.missing(), progress.trained))
        if not left and given.analyses:
            from .analyzing import conclude  # reads reports, and so imports what draws them

            conclude(job.folder, arguments, job.experiment, console, tracker)
        if not left and tracker is None:
            remember(words, job.folder, _told(job, left, 0))


def _told(job: Run, left: int, trained: int) -> str:
    """What there is now."""
    nothing = "" if trained else "nothing was left to do: "
    if job.shares and left:
        others = f"1 {job.unit} is" if left == 1 else f"{left} {job.unit}s are"
        return f"{nothing}{others} left to other processes; lth status {job.folder} tells how far they are"
    there = "1 training is" if job.trainings == 1 else f"{job.trainings} trainings are"
    place = job.folder if isinstance(job.experiment, Study) else f"{job.folder}/results.jsonl"
    return f"{nothing}{there} in {place}; lth report {job.folder} draws them"


@contextmanager
def _watch(job: Run, progress: Observer, tracker: Any, folder: Path) -> Iterator[list[Observer]]:
    """Who sees the trainings in a folder: the terminal, and W&B by a tracker of the folder's own."""
    if tracker is None:
        yield [progress]
        return
    own = tracker if folder == job.folder else tracker.of(folder.relative_to(job.folder).as_posix())
    try:
        yield [progress, own]
    finally:
        own.close()


def sharers(option: str, args: list[str]) -> tuple[int | None, list[str]]:
    """How many share the work by an option, --slurm or --jobs, if any, and the other words."""
    for place, word in enumerate(args):
        flag, _, value = word.partition("=")
        if flag == option:
            after = place + 1 if value else place + 2
            value = value or "".join(args[place + 1 : after])
            if not value.isdecimal() or not int(value):
                raise UsageError(f"{option} is '{value}': say how many may run at once, 1 or more, such as {option} 8")
            return int(value), [*args[:place], *args[after:]]
    return None, args


def _claim(job: Run, completed: Completed) -> None:
    """Make the folder this experiment's, or say why it cannot be."""
    try:
        job.claim(completed)
    except OSError as error:
        if out_of_space(error) or isinstance(error, InUseError):
            raise
        reason = "it is a file" if job.folder.is_file() else error.strerror or str(error)
        raise UsageError(f"cannot write in {job.folder} ({reason}): choose another --folder") from error


def _introduce(console: Console, job: Run, built: Built, weights: Mapping[str, Tensor]) -> None:
    """Say what will be trained, or what is left of it; and, to begin with, which weights may be pruned."""
    trainings = "1 training" if job.trainings == 1 else f"{job.trainings} trainings"
    seeds = f"seed{'s' * (len(job.seeds) > 1)} {', '.join(map(str, job.seeds))}"
    if finished := len(job.finished):
        console.print(f"{job.folder}: {finished} of {trainings} finished, {seeds}")
        return
    kind = "" if isinstance(job.experiment, Dense) else f"{type(job.experiment).__name__}: "
    console.print(f"{kind}{trainings}, {seeds}, in {job.folder}")
    console.print(getattr(built.data, "describe", lambda: type(built.data).__name__)())
    kept, total = sum(weight.numel() for weight in weights.values()), sum(p.numel() for p in built.module.parameters())
    console.print(f"{kept:,} of {total:,} parameters may be pruned, in {len(weights)} layer{'s' * (len(weights) > 1)}:")
    for name, weight in weights.items():
        console.print(f"  {name} {'x'.join(map(str, weight.shape))}")
    for line in job.experiment.introduced(built, Mask.dense(weights)):
        console.print(line)
    for arm, reason in job.experiment.inapplicable.items():
        console.print(f"not applicable, so not trained: {arm.replace('_', ' ')} ({reason})")


def _tracker(mode: str, job: Run, console: Console) -> Any:
    if mode == "none":
        return None
    from .training.tracking import track  # wandb takes a second to import

    return track("wandb" if mode == "wandb" else "offline", job.folder, job.config, console.print)


def status(args: list[str]) -> None:
    """`lth status FOLDER`."""
    folder = folder_of("status", args)
    with usage_errors("run"):
        arguments, experiment = made_by(folder)
    for line in told(folder, arguments.seeds, experiment):
        print(line)
