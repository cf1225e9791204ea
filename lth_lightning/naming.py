"""What there is to name on a command line, to say what a misspelt name may have meant."""

from difflib import get_close_matches
from inspect import signature
from types import ModuleType
from typing import Any, get_type_hints

import torch
from lightning.pytorch import Callback, Trainer, callbacks
from torch.optim import Optimizer, lr_scheduler

from . import models, training
from .analyses import Analysis
from .data import datasets
from .experiments import Control, Experiment
from .help import OPTIONS
from .sparsity import Allocation, Annealing, Criterion, Initialisation, Policy
from .sparsity.neurons import Selection
from .training import Classifier, LearningRateSchedule

OURS = (
    Analysis,
    Experiment,
    Control,
    Criterion,
    Allocation,
    Initialisation,
    Policy,
    Selection,
    Annealing,
    LearningRateSchedule,
)
TOP = ("folder", "seeds", "track", "save_seconds", "replicas", "retry", "trial", "claims", "analyses", "bar")
HOMES: tuple[tuple[str, ModuleType, type], ...] = (  # what to write before a class's name, where it is, its base
    ("lth_lightning.models", models, torch.nn.Module),
    ("lth_lightning.data", datasets, datasets.ArrayDataModule),
    ("lth_lightning.training", training, Callback),
    ("torch.optim", torch.optim, Optimizer),
    ("torch.optim.lr_scheduler", lr_scheduler, lr_scheduler.LRScheduler),
    ("lightning.pytorch.callbacks", callbacks, Callback),
)


def meant(word: str, known: dict[str, str]) -> str:
    """' (did you mean X?)', or nothing if no known name is close.

    Args:
        word: What was written.
        known: Name -> what to write.
    """
    lowered = {name.lower(): written for name, written in known.items()}
    for name, written in ((word, known), (word.lower(), lowered)):
        if close := get_close_matches(name, written, n=1, cutoff=0.7):
            return f" (did you mean {written[close[0]]}?)"
    return ""


def classes() -> dict[str, str]:
    """Name of a class that configs may use -> how to write it there: short if its kind is ours, else its path."""
    known = {name: f"{path}.{name}" for path, home, base in HOMES for name in _classes(home, base)}
    return known | {kind.__name__: kind.__name__ for base in OURS for kind in _derived(base)}


def _classes(home: ModuleType, base: type) -> list[str]:
    members = {name: getattr(home, name) for name in getattr(home, "__all__", None) or dir(home)}
    return [name for name, member in members.items() if isinstance(member, type) and issubclass(member, base)]


def _derived(base: type) -> list[type]:
    children: list[type] = base.__subclasses__()
    return children + [grandchild for child in children for grandchild in _derived(child)]


def arguments(of: Any, inside: str = "") -> dict[str, str]:
    """Names of the arguments of a class, or of the class that one of its arguments is.

    Args:
        of: The class.
        inside: Dotted arguments to follow first, such as 'rewind'.
    """
    try:
        for name in filter(None, inside.split(".")):
            of = get_type_hints(vars(of)["__init__"])[name]
        return {name: name for name in signature(of).parameters if name not in ("self", "args", "kwargs", "options")}
    except (KeyError, ValueError, TypeError, NameError, AttributeError):  # no such argument, or it is of no one class
        return {}


def options() -> dict[str, str]:
    """Option, with and without what it belongs to -> the option, as far as it does not depend on a config."""
    groups: dict[str, list[type]] = {
        "trainer": [Trainer],
        "model": [Classifier],
        "data": [datasets.ArrayDataModule],
        "experiment": _derived(Experiment),
    }
    known = {name: f"--{name}" for name in OPTIONS}
    for group, members in groups.items():
        names = [name for member in members for name in arguments(member)]
        known |= {f"{group}.{name}": f"--{group}.{name}" for name in names}
        known |= {name: f"--{group}.{name}" for name in names if name not in known}
    return known


def groups() -> dict[str, str]:
    """The keys that a config begins with."""
    return {name: name for name in ("model", "data", "trainer", "experiment", "prunable", *TOP)}
