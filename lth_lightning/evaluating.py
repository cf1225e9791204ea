"""`lth validate`, `lth test` and `lth predict`: what a checkpoint is worth."""

import csv
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

from .arguments import Arguments
from .experiments import Built
from .failures import UsageError
from .files import replacing
from .mistakes import usage_errors
from .training import Seeds, load
from .training.alone import alone
from .training.devices import default_threads


def evaluate(command: str, args: list[str]) -> None:
    """`lth validate`, `lth test` and `lth predict`."""
    with usage_errors(command):
        arguments = Arguments(command, args)
        built = arguments.build(Seeds.of(0), 0)
        built.data.prepare_data()
        path = Path(arguments.config.ckpt_path)
        if not path.is_file():
            raise UsageError(f"there is no file {path}: give a checkpoint, such as runs/imp/seed-0/round-01/last.ckpt")
    torch.set_num_threads(default_threads(built.module))
    remedy = "choose another checkpoint, or the config that it was trained with"
    built.module.load_state_dict(load(path, built.module, remedy)["state_dict"])
    one = {"devices": 1, "num_nodes": 1, "strategy": "auto"}  # whatever the training had
    trainer = alone({**built.trainer, **one, "logger": False, "enable_progress_bar": False})
    if command == "predict":
        output = Path(arguments.config.output or path.with_name("predictions.csv"))
        print(f"{_predict(trainer, built, output)} predictions are in {output}")
        return
    measure = trainer.validate if command == "validate" else trainer.test
    measured = measure(built.module, datamodule=built.data, verbose=False)
    if not measured:
        raise UsageError("nothing was measured: the module has no such step, or the data no such images")
    for name, value in measured[0].items():
        print(name, value)


def _predict(trainer: Trainer, built: Built, output: Path) -> int:
    """Write the class of every test image as a line of a CSV file; returns how many there are."""
    batches: Any = trainer.predict(built.module, datamodule=built.data)
    classes = torch.cat(batches)
    if classes.dim() != 1:
        raise UsageError(
            f"{type(built.module).__name__}.predict_step gives {tuple(classes.shape)}, not a class per image (N,): "
            "let it return the predicted classes"
        )
    with replacing(output) as partial, partial.open("w", newline="") as file:
        csv.writer(file).writerows([("image", "class"), *enumerate(classes.tolist())])
    return len(classes)
