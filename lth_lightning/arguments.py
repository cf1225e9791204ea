"""The arguments of the commands, and what is made of them."""

from typing import Any, Literal

import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from .experiments import Built, Dense, Experiment
from .mistakes import UsageError
from .sparsity import Prunable
from .training import Seeds, seeded
from .training.devices import default_precision

EVALUATIONS = ("validate", "test", "predict")


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
            made = self.parser.instantiate(self.config)
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

    def resolved(self) -> dict[str, Any]:
        """The whole configuration as plain values."""
        config: dict[str, Any] = yaml.safe_load(self.parser.dump(self.config, format="yaml", skip_unset=False))
        return config

    def experiment(self) -> Experiment:
        """The experiment that was asked for; `lth fit` trains once."""
        if not self.pruning:
            return Dense()
        made: Experiment = self.parser.instantiate(self.config).experiment
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
