"""What a folder was begun by."""

from pathlib import Path

import yaml

from .arguments import Arguments
from .experiments import Experiment
from .experiments.refusals import own_sparsify
from .failures import UsageError
from .training import Seeds


def made_by(folder: Path) -> tuple[Arguments, Experiment]:
    """The arguments and the experiment that a folder was made by.

    Args:
        folder: The folder that `lth run` or `lth fit` wrote to.

    Raises:
        UsageError: If there is no `config.yaml` in it.
    """
    config = folder / "config.yaml"
    if not config.is_file():
        raise UsageError(f"'{folder}' has no config.yaml: name the folder that `lth run ... --folder` wrote to")
    command = "run" if "experiment" in yaml.safe_load(config.read_text()) else "fit"
    arguments = Arguments(command, ["--config", str(config)])
    own = own_sparsify(arguments.build(Seeds.of(0), 0).trainer["callbacks"])
    return arguments, arguments.experiment(own)
