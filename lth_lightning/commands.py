"""What each command does."""

import errno
import logging
import sys
import traceback
import warnings
from argparse import ArgumentError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from rich.console import Console

from . import configs
from .experiments import Built, Dense, Experiment
from .experiments.progress import TerminalProgress
from .experiments.runner import OtherConfigError, Run
from .mistakes import sentence
from .sparsity import Prunable
from .training import Seeds, seeded
from .training.devices import default_precision

EVALUATIONS = ("validate", "test", "predict")


class UsageError(Exception):
    """A mistake in the command or its configs."""


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
    except (UsageError, OtherConfigError, MisconfigurationException) as error:
        code, text = 2, str(error)
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and isinstance(stop.code, int) and stop.code == 0:
            return 0
        code, text = 130, "interrupted: the same command line continues where it was"
    except OSError as error:
        code, text = 1, _out_of_space(error) or str(error)
    except Exception as error:
        text = f"{error}" if isinstance(error, ValueError | RuntimeError) else f"{type(error).__name__}: {error}"
        code = 1
    if debug:
        traceback.print_exc()
    print(f"lth {command}: {' '.join(text.split())}{'' if debug else _hint(code)}", file=sys.stderr)
    return code


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


@contextmanager
def usage_errors() -> Iterator[None]:
    """Errors within the block are the user's: one sentence."""
    try:
        yield
    except ArgumentError as error:
        raise UsageError(sentence(error.message)) from error
    except (ValueError, TypeError) as error:
        raise UsageError(sentence(str(error))) from error


class TrainingCLI(LightningCLI):
    """The arguments of `lth run` and `lth fit`: Lightning's for the Trainer, module and data, and ours.

    It instantiates nothing by itself, as every training of an experiment needs a fresh set.
    """

    def __init__(self, args: list[str], pruning: bool) -> None:
        self.pruning = pruning
        super().__init__(
            args=args,
            run=False,
            save_config_callback=None,
            seed_everything_default=False,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            parser_kwargs={"exit_on_error": False, "prog": f"lth {'run' if pruning else 'fit'}"},
        )

    def add_default_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Leave out `seed_everything`: `--seeds` names every seed."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what is ours."""
        add_ours(parser, experiment=self.pruning, required=True)

    def _set_seed(self) -> None:
        """Leave the global random state to `build`."""

    def instantiate_classes(self) -> None:
        """Leave it to `build`."""

    def build(self, seeds: Seeds, init: int) -> Built:
        """A fresh module, data module and Trainer arguments.

        Args:
            seeds: Seeds of the data order and augmentation.
            init: Seed of the initialisation.
        """
        with seeded("init", init):
            made = self.parser.instantiate_classes(self.config)
        data = made.data
        if not (hasattr(data, "order_seed") and hasattr(data, "augment_seed")):
            raise UsageError(
                f"{type(data).__name__} has no order_seed and augment_seed, so its batches could not be drawn again: "
                "derive it from lth_lightning.data.ArrayDataModule, or give it both attributes"
            )
        data.order_seed, data.augment_seed = seeds.order, seeds.augment
        trainer = {**made.trainer, "callbacks": _listed(made.trainer.get("callbacks"))}
        if trainer.get("precision") is None:
            trainer["precision"] = default_precision(made.model, str(trainer.get("accelerator")))
        return Built(made.model, data, trainer)

    def experiment(self) -> Experiment:
        """The experiment that was asked for; `lth fit` trains once."""
        if not self.pruning:
            return Dense()
        made: Experiment = self.parser.instantiate_classes(self.config).experiment
        return made


def add_ours(parser: LightningArgumentParser, experiment: bool, required: bool) -> None:
    """Add the arguments that Lightning does not have.

    Args:
        parser: The command's parser.
        experiment: Whether there is an experiment.
        required: Whether it and the folder must be given.
    """
    if experiment:
        parser.add_subclass_arguments(Experiment, "experiment", required=required, help="How trainings are arranged.")
    parser.add_argument("--folder", type=str if required else str | None, required=required, help="Where to write.")
    parser.add_argument("--seeds", type=list[int], default=[0], help="One replicate each, such as [0,1,2].")
    parser.add_argument(
        "--track", type=Literal["wandb", "offline", "none"], default="none", help="Curves in Weights & Biases."
    )
    parser.add_argument("--save_seconds", type=float, default=20.0, help="How often a running training is saved.")
    parser.add_class_arguments(Prunable, "prunable")


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def run(args: list[str], pruning: bool) -> int:
    """`lth run` and `lth fit`."""
    console = Console()
    with usage_errors():
        cli = TrainingCLI(args, pruning)
        config = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False, format="yaml"))
        built = cli.build(Seeds.of(0), 0)
        prunable: Prunable = cli.parser.instantiate_classes(cli.config).prunable
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


class EvaluationCLI(LightningCLI):
    """`lth validate`, `lth test` and `lth predict`: Lightning's own commands, with a checkpoint and a task."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Lightning's, without fit."""
        return {name: {"model", "dataloaders", "datamodule"} for name in EVALUATIONS}

    def add_default_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Leave out `seed_everything`: nothing is drawn."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Accept what `lth run` accepts, so that an experiment's own `config.yaml` can be given."""
        add_ours(parser, experiment=True, required=False)

    def _set_seed(self) -> None:
        """Nothing is drawn."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Evaluate in the precision that training has by default."""
        trainer = self._get(self.config_init, "trainer")
        trainer["precision"] = trainer["precision"] or default_precision(self.model, str(trainer["accelerator"]))
        return super().instantiate_trainer(**kwargs)


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
