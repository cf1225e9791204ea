"""The shipped configs by kind, and what a command line makes of them."""

from lth_lightning import configs
from lth_lightning.arguments import Arguments
from lth_lightning.experiments import Experiment
from lth_lightning.experiments.refusals import own_sparsify
from lth_lightning.training import Seeds

SHIPPED = configs.shipped()


def names(kind: str) -> list[str]:
    return [name for name, path in SHIPPED.items() if path.parent.name == kind]


def task_of(experiment: str) -> str:
    """An embedded task that an experiment can run on: smart ratios, and a dense first layer, want convolutions."""
    return "resnet8_digits" if experiment in ("random_ticket", "hybrid_ticket", "admm") else "digits"


def made(*words: str) -> Experiment:
    """The experiment that a command line makes, with the policy of a method's file."""
    cli = parsed(*words)
    return cli.experiment(own_sparsify(cli.build(Seeds.of(0), 0).trainer["callbacks"]))


def parsed(*words: str, command: str = "run") -> Arguments:
    return Arguments(command, [*configs.resolve(list(words)), "--folder", "run"])
