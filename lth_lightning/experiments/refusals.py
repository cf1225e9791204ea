"""Trainer arguments that an experiment cannot work with, refused in a sentence before anything is trained."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..sparsity import check_density
from ..training import Sparsify


def refuse_untrainable(trainer: Mapping[str, Any]) -> None:
    """Raise a ValueError if no training could be done, or none that can be resumed.

    Args:
        trainer: The Trainer's arguments, `callbacks` a list.
    """
    for key, value in (("fast_dev_run", True), ("barebones", True), ("enable_checkpointing", False)):
        if trainer.get(key) is not None and bool(trainer[key]) == value:
            raise ValueError(
                f"trainer.{key} is {trainer[key]}, so nothing would be saved to resume or to prune: "
                "leave it out, and put --config debug last for a trial"
            )
    for key in ("max_epochs", "max_steps", "limit_train_batches", "accumulate_grad_batches"):
        if trainer.get(key) == 0:
            raise ValueError(f"trainer.{key} is 0, so nothing would be trained: give 1 or more")
    if trainer.get("max_epochs") is None and trainer.get("max_steps", -1) == -1:
        raise ValueError("neither trainer.max_epochs nor trainer.max_steps is set: say how long to train")


def check_densities(densities: Sequence[float]) -> None:
    """Raise a ValueError unless there are densities, each in (0, 1]."""
    if not densities:
        raise ValueError("densities is empty: ask for at least one, or run the experiment Dense")
    for density in densities:
        check_density(density)


def own_sparsify(callbacks: Iterable[Any]) -> Sparsify | None:
    """The pruning callback that a config brings, if it does."""
    return next((callback for callback in callbacks if isinstance(callback, Sparsify)), None)


def refuse_own_mask(trainer: Mapping[str, Any]) -> None:
    """Raise a ValueError if a config that is to be pruned under our masks brings a mask of its own."""
    if own_sparsify(trainer["callbacks"]):
        raise ValueError(
            "this experiment decides what is pruned, but the config's trainer.callbacks have a Sparsify of their own: "
            "leave the method's config out, run OneShotPruning, which takes the method over, or train once with lth fit"
        )


def refuse_own_initialisation(trainer: Mapping[str, Any]) -> None:
    """Raise a ValueError if a method that an experiment takes over draws weights anew, which its tickets do not."""
    own = own_sparsify(trainer["callbacks"])
    if own is not None and own.initialise is not None:
        raise ValueError(
            f"this experiment takes the method over, but not the Sparsify's initialise, {own.initialise}: "
            "leave it out and ask for the control Reinitialised with it, or train once with lth fit"
        )


def refuse_open_end(trainer: Mapping[str, Any]) -> None:
    """Raise a ValueError unless a training ends with an epoch, so that epochs can be added."""
    steps = trainer.get("max_steps", -1)
    if not trainer.get("max_epochs") or steps != -1:
        raise ValueError(
            f"fine-tuning adds epochs at the end, but trainer.max_epochs is {trainer.get('max_epochs')} and "
            f"trainer.max_steps {steps}: set max_epochs, and no max_steps"
        )


def refuse_numbers(seeds: Sequence[int], replicas: int, save_seconds: float) -> None:
    """Raise a ValueError if a number of a run is out of its range.

    Args:
        seeds: One for each replicate.
        replicas: How many trainings step at once.
        save_seconds: How often a running training is saved.
    """
    told = f"seeds is {list(seeds)}"
    if not seeds:
        raise ValueError(f"{told}: give at least one, such as [0]")
    if min(seeds) < 0 or len({*seeds}) < len(seeds):
        raise ValueError(f"{told}: give each replicate a number of its own, 0 or more, such as [0, 1, 2]")
    if replicas < 1:
        raise ValueError(f"replicas is {replicas}: say how many trainings step at once, 1 or more, or auto")
    if not save_seconds >= 0:
        raise ValueError(f"save_seconds is {save_seconds}: give seconds, or 0 to save after every step")
