"""Mistakes of the user: from a nested message of the config parser to one sentence with the value and the remedy."""

import re
from argparse import ArgumentError
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from inspect import signature

from jsonargparse._util import import_object  # the import that class paths in configs go through

from .experiments import Control, Experiment
from .sparsity import Allocation, Criterion, Policy
from .training import LearningRateSchedule

_NOISE = re.compile(
    r"Does not validate against|Subtypes:|Errors:|Given value|Expected a <class 'NoneType'>|Expected a path but"
    r"|Type typing\.Callable|Expected an? .* to be a subclass"
)


class UsageError(Exception):
    """A mistake in the command or its configs."""


@contextmanager
def usage_errors() -> Iterator[None]:
    """Errors within the block are the user's: one sentence."""
    try:
        yield
    except ArgumentError as error:
        raise UsageError(sentence(error.message)) from error
    except (ValueError, TypeError) as error:
        raise UsageError(sentence(str(error))) from error


def sentence(message: str) -> str:
    """One line that says where, what and what to do instead.

    Args:
        message: What the parser said, over many lines.
    """
    place: list[str] = []
    said: list[str] = []
    owner = ""
    for line in (line.strip().removeprefix("- ") for line in message.splitlines()):
        if match := re.match(r'Parser key "([^"]+)":\s*(.*)', line):
            place.append(match[1])
            line = match[2]
        elif match := re.match(r"Problem with given class_path '([^']+)':\s*(.*)", line):
            owner = match[1]
            line = match[2]
        if line and not _NOISE.match(line) and line not in said:
            said.append(line)
    where = f"{'.'.join(place)}: " if place else ""
    return where + "; ".join(_remedied(line, owner) for line in said)


def _remedied(line: str, owner: str) -> str:
    if match := re.match(r"Expected a dot import path string: (\S+)", line):
        return f"there is no class '{match[1]}'{_near(match[1], _short_names())}; a class of yours needs its full path"
    if match := re.match(r"Option '([^']+)' is not accepted", line):
        arguments = _arguments(owner)
        if owner in ("lightning.LightningModule", "lightning.LightningDataModule"):
            return f"'{match[1]}' is set before a class is chosen: put the config that does (debug?) after the task's"
        takes = ", ".join(arguments) or "no arguments"
        return f"{owner} takes no '{match[1]}'{_near(match[1], arguments)}; it takes {takes}"
    if match := re.match(r"unrecognized arguments: (.*)", line):
        return f"'{match[1]}' is no option of this command; --help lists them"
    if match := re.match(r"module '([^']+)' has no attribute '([^']+)'", line):
        return f"there is no '{match[2]}' in {match[1]}{_near(match[2], _members(match[1]))}"
    return line


def _near(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else f" ({', '.join(known)} are known)" if known else ""


def _short_names() -> list[str]:
    names: set[str] = set()
    queue: list[type] = [Experiment, Control, Criterion, Allocation, Policy, LearningRateSchedule]
    while queue:
        children: list[type] = queue.pop().__subclasses__()
        names |= {child.__name__ for child in children}
        queue += children
    return sorted(names)


def _arguments(path: str) -> list[str]:
    try:
        return [name for name in signature(import_object(path)).parameters if name not in ("args", "kwargs")]
    except (ImportError, AttributeError, ValueError, TypeError):
        return []


def _members(path: str) -> list[str]:
    return list(getattr(import_object(path.rpartition(".")[0] or path), "__all__", [])) if "." in path else []
