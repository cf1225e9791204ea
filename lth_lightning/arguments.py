"""The arguments of the commands that train or evaluate, and what is made of them."""

from argparse import ArgumentError
from collections.abc import Mapping
from copy import copy, deepcopy
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import yaml
from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from .analyses import Analysis
from .claims import Bar, Claim
from .experiments import (
    Built,
    Dense,
    Experiment,
    Instability,
    PruningInTraining,
    SparseTraining,
    Study,
    Variation,
)
from .experiments.refusals import own_sparsify
from .failures import UsageError
from .help import EXAMPLES, OPTIONS
from .mistakes import missing, sentence
from .parsing import read_integers_as_such, word
from .sparsity import Prunable
from .training import Seeds, Sparsify, seeded
from .training.devices import default_precision

WIDTH = "model.init_args.net.init_args.width"
SIZES = (WIDTH, "trainer.max_epochs")
SHORTENED = (Study, Instability, PruningInTraining, SparseTraining)  # of which a trial leaves much out
ONCE = ("experiment", "claims", "analyses")  # what no single training needs


class Arguments(LightningCLI):
    """Lightning's arguments for the Trainer, module and data, and ours.

    It instantiates nothing by itself, as every training of an experiment needs a fresh set.

    Args:
        command: 'run', 'fit', 'validate', 'test', 'predict' or 'bench'.
        args: The words after the command.
    """

    def __init__(self, command: str, args: list[str]) -> None:
        self.command = command
        self._variations: dict[str, Arguments] = {}
        self._trained_once: Arguments | None = None
        self._resolved: dict[str, Any] | None = None
        options = {"exit_on_error": False, "prog": f"lth {command}", "allow_abbrev": False}
        super().__init__(
            args=["--help" if arg == "--help_all" else arg for arg in args],
            run=False,
            save_config_callback=None,
            seed_everything_default=False,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            parser_kwargs=options | {"description": f"For example: lth {command} {EXAMPLES[command][0]}"},
        )

    def add_default_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Leave out `seed_everything`: `--seeds` names every seed."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what is ours, to evaluations too, so that an experiment's own `config.yaml` can be given to them."""
        trains = self.command in ("run", "fit")
        if self.command != "fit":
            parser.add_subclass_arguments(
                Experiment, "experiment", required=self.command == "run", help="how trainings are arranged"
            )
        parser.add_argument("--folder", type=str if trains else str | None, required=trains, help=OPTIONS["folder"])
        parser.add_argument("--seeds", type=list[int], default=[0], help=OPTIONS["seeds"])
        parser.add_argument("--track", type=Literal["wandb", "offline", "none"], default="none", help=OPTIONS["track"])
        parser.add_argument("--save_seconds", type=float, default=20.0, help=OPTIONS["save_seconds"])
        parser.add_argument("--replicas", type=int | Literal["auto"], default=1, help=OPTIONS["replicas"])
        parser.add_argument("--retry", type=bool, default=False, help=OPTIONS["retry"])
        parser.add_argument("--trial", type=bool, default=False, help=OPTIONS["trial"])
        parser.add_argument("--claims", type=list[Claim], default=[], help=OPTIONS["claims"])
        parser.add_argument("--analyses", type=list[Analysis], default=[], help=OPTIONS["analyses"])
        parser.add_class_arguments(Bar, "bar")
        parser.add_class_arguments(Prunable, "prunable")
        if self.command == "bench":
            parser.add_argument("--turns", type=int, default=7, help=OPTIONS["turns"])
            parser.add_argument("--at_once", type=list[int], default=[], help=OPTIONS["at_once"])
        elif not trains:
            parser.add_argument("--ckpt_path", type=str, required=True, help=OPTIONS["ckpt_path"])
        if self.command == "predict":
            parser.add_argument("--output", type=str | None, default=None, help=OPTIONS["output"])
        read_integers_as_such(parser)

    def _set_seed(self) -> None:
        """Leave the global random state to `build`."""

    def instantiate_classes(self) -> None:
        """Leave it to `build`."""

    def build(self, seeds: Seeds, init: int, width: float | None = None) -> Built:
        """A fresh module, data module and Trainer arguments.

        Args:
            seeds: Seeds of the data order and augmentation.
            init: Seed of the initialisation.
            width: Share of the network's own width, for a narrower one.
        """
        config = self.config.clone() if width is None else self._narrowed(width)
        for other in ONCE:  # what is needed once takes most of the time
            config.pop(other, None)
        with seeded("init", init):
            made = self.parser.instantiate(config)
        if (data := made.get("data")) is None:
            raise UsageError(missing(["data"], self.command))
        if not (hasattr(data, "order_seed") and hasattr(data, "augment_seed")):
            raise UsageError(
                f"{type(data).__name__} has no order_seed and augment_seed, so its batches could not be drawn again: "
                "derive it from lth_lightning.data.ArrayDataModule, or give it both attributes"
            )
        data.order_seed, data.augment_seed = seeds.order, seeds.augment
        trainer = {**made.trainer, "callbacks": _listed(made.trainer.get("callbacks"))}
        trainer |= {"devices": 1} if trainer.get("devices") == "auto" else {}  # not every GPU there is
        if trainer.get("precision") is None:
            trainer["precision"] = default_precision(made.model, str(trainer.get("accelerator")))
        if self.config.trial and (own := own_sparsify(trainer["callbacks"])) is not None:
            own.policy = own.policy.tried()
        return Built(made.model, data, trainer)

    def varied(self, changes: Mapping[str, Any]) -> Variation:
        """What the same words give with some keys changed; in a trial not to more epochs or width.

        Args:
            changes: Dotted keys, such as `model.optimizer.lr`, and their values.

        Raises:
            UsageError: If there is no such key, or it has no such values.
        """
        words = [each for key, value in changes.items() for each in (f"--{key}", word(value))]
        if (known := str(words)) not in self._variations:
            try:
                self._variations[known] = self._reread(words)
            except (ArgumentError, ValueError, TypeError) as error:
                told = getattr(error, "message", str(error))
                raise UsageError(f"the grid's point {' '.join(words)}: {sentence(told, self.command)}") from error
        other = self._variations[known]
        if self.config.trial:
            for key in SIZES:
                if (here := self.config.get(key)) is not None:
                    other.config[key] = min(here, other.config[key])
        return Variation(other.build, vars(other.config.as_flat()))

    def _reread(self, words: list[str]) -> "Arguments":
        """What is left without the experiment, whose many arguments take seconds to read, and with further words."""
        config = {key: value for key, value in self.resolved().items() if key not in ONCE}
        with TemporaryDirectory() as folder:
            (path := Path(folder) / "config.yaml").write_text(yaml.safe_dump(config))
            words = ["--config", str(path), *words]
            if self._trained_once is None:
                self._trained_once = Arguments("fit", words)
                return self._trained_once
            other = copy(self._trained_once)
            other.config = other.parser.parse_args(words)
            return other

    def _narrowed(self, width: float) -> Namespace:
        config: Namespace = self.config.clone()
        config[WIDTH] *= width
        return config

    def resolved(self) -> dict[str, Any]:
        """The whole configuration as plain values."""
        if self._resolved is None:
            self._resolved = yaml.safe_load(self.parser.dump(self.config, format="yaml", skip_unset=False))
        return deepcopy(self._resolved)

    @classmethod
    def completed(cls, command: str, config: dict[str, Any]) -> dict[str, Any]:
        """A configuration with the defaults of what it lacks, or as it is if it cannot be read any more."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "config.yaml"
            path.write_text(yaml.safe_dump(config))
            try:
                return cls(command, ["--config", str(path)]).resolved()
            except Exception:  # whatever a parser makes of a file that is none of its own
                return config

    @cached_property
    def _made(self) -> Namespace:
        """What is needed once, and changes no more."""
        made: Namespace = self.parser.instantiate(self.config)
        return made

    def prunable(self, own: Sparsify | None) -> Prunable:
        """Which weights a mask is over: by `--prunable`, or by the config's own Sparsify where only that says so."""
        made: Prunable = self._made.prunable
        return own.prunable if own is not None and made == Prunable() else made

    def experiment(self, own: Sparsify | None) -> Experiment:
        """The experiment that was asked for, with the policy of the config's own Sparsify; `lth fit` trains once."""
        if self.command == "fit":
            return Dense()
        made: Experiment = self._made.experiment
        taken = made if own is None else made.taking(own.policy)
        return taken.tried() if self._tries else taken

    def analyses(self) -> list[Analysis]:
        """What is looked at when all trainings have finished."""
        return [each.tried() if self.config.trial else each for each in self._made.analyses]

    @property
    def seeds(self) -> list[int]:
        """The seeds; for a trial the first."""
        seeds: list[int] = self.config.seeds
        return seeds[:1] if self._tries else seeds

    @property
    def _tries(self) -> bool:
        """Whether this is a trial of an experiment with much to leave out."""
        name = self.config.experiment.class_path.rpartition(".")[2] if self.command == "run" else ""
        return bool(name in {each.__name__ for each in SHORTENED} and self.config.trial)

    def check_claims(self, own: Sparsify | None) -> None:
        """Raise a ValueError if a claim is about what the whole experiment, tried or not, does not train."""
        made = self._made
        whole: Experiment = made.experiment if self.command == "run" else Dense()
        whole = whole if own is None or self.command != "run" else whole.taking(own.policy)
        for claim in made.claims:
            claim.check(whole.arms, whole.axes, whole.found)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
