"""Mistakes of the user: from a nested message of the config parser to one sentence with the value and the remedy."""

import re
from argparse import ArgumentError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NamedTuple

from jsonargparse._util import import_object  # the import that class paths in configs go through
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer

from . import naming
from .experiments.ownership import OtherConfigError
from .failures import UsageError
from .help import EXAMPLES

_NEEDS = {
    "folder": "where to write (--folder runs/imp)",
    "experiment": "an experiment (--config imp)",
    "model": "a task (--config digits)",
    "data": "data (--data lth_lightning.data.Digits)",
    "ckpt_path": "a checkpoint (--ckpt_path FILE)",
}
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text (a number in quotes)",
    "list": "a list, such as [1, 2] or ['a', 'b']",
    "collections.abc.Sequence": "a list, such as [1, 2] or ['a', 'b']",
    "tuple": "a list, such as [1, 2] or ['a', 'b']",
    "dict": "keys and values",
}


@contextmanager
def usage_errors(command: str) -> Iterator[None]:
    """Before anything is trained, what is wrong is what the user gave: one sentence.

    Args:
        command: The command, for examples.
    """
    try:
        with refusals():
            yield
    except ArgumentError as error:
        raise UsageError(sentence(error.message, command)) from error
    except (ValueError, TypeError) as error:
        raise UsageError(sentence(str(error), command)) from error


@contextmanager
def refusals() -> Iterator[None]:
    """What Lightning and we refuse to train as configured is the user's to change."""
    try:
        yield
    except (MisconfigurationException, OtherConfigError) as error:
        raise UsageError(str(error)) from error


def missing(names: list[str], command: str) -> str:
    """The sentence for required arguments that were not given."""
    *most, last = (_NEEDS.get(name, f"--{name}") for name in names)
    wanted = f"{', '.join(most)} and {last} are" if most else f"{last} is"
    return f"{wanted} missing: for example, lth {command} {EXAMPLES[command][0]}"


class Place(NamedTuple):
    """What a line of a message is about: the command, the dotted key, and the class that takes its last part."""

    command: str
    key: str
    owner: str


def sentence(message: str, command: str) -> str:
    """One line that says where, what and what to do instead.

    Args:
        message: What the parser or a constructor said, over many lines. Of a union's alternatives, what comes nearest
            to being right is told.
        command: The command, for examples.
    """
    said: dict[int, list[str]] = {}
    types: list[str] = []
    choices: list[str] = []
    key = value = ""
    for line, place in _lines(message, command):
        if match := _EXPECTED.match(line):
            types.append(_TYPES.get(match[1], f"a {match[1]}") if match[1] else "")
            choices += match[2].replace("'", "").split(", ") if match[2] else []
            key, value = place.key, match[3] or value
        elif match := _GIVEN.match(line):
            value = value or match[1]
        elif not _NOISE.match(line):
            rank, text = _remedied(line, place)
            said.setdefault(rank, []).append(text)
    if choices:
        types.append(f"one of {', '.join(dict.fromkeys(choices))}")
    if expected := " or ".join(dict.fromkeys(filter(None, types))):
        said.setdefault(_RANK_OF_TYPES, []).append(f"{key} is '{value}', which must be {expected}")
    if not said:
        return " ".join(message.split())
    best = said[min(said)]
    return " ".join(best) if min(said) == 0 else best[0]


def _lines(message: str, command: str) -> Iterator[tuple[str, Place]]:
    """The lines of a message, each with the place that the lines above it, less indented, have named."""
    keys: list[tuple[int, str]] = []
    owners: list[tuple[int, str]] = []
    for text in filter(str.strip, message.splitlines()):
        line = text.strip().removeprefix("- ")
        indent = len(text) - len(text.lstrip())
        keys = [(depth, key) for depth, key in keys if depth < indent]
        owners = [(depth, owner) for depth, owner in owners if depth < indent]
        line = re.sub(r"^Type typing\.Callable.*? expects a function or a callable class: ", "", line)
        if match := re.search(r"\.? Got value: Namespace\(class_path='([^']+)'.*", line):
            owners.append((indent, match[1]))
            line = line[: match.start()]
        if match := re.match(r"Problem with given class_path '([^']+)':\s*(.*)", line):
            owners.append((indent, match[1]))
            line = match[2]
        if match := re.match(r'Parser key "([^"]+)":\s*(.*)', line):
            keys.append((indent, match[1]))
            line = match[2]
        if line:
            yield line, Place(command, ".".join(key for _, key in keys), owners[-1][1] if owners else "")


_EXPECTED = re.compile(
    r"Expected an? (?:<class '(?!NoneType)([^']+)'>|typing\.Literal\[(.*?)\])(?:\. Got value: (.*))?$"
)
_GIVEN = re.compile(r"Given value: (?!NestedArg|Namespace|\{)(.*?)(?:\. Got value: .*)?$")
_NOISE = re.compile(
    r"Expected a <class 'NoneType'>|Does not validate against|Subtypes:|Errors:|Given value|Expected a path but"
    r"|Expected '.*to be a subclass|Subclass types expect one of:|a class path \(str\)|a dict with"
)


def _remedied(line: str, place: Place) -> tuple[int, str]:
    for rank, (pattern, say) in enumerate(_RULES, start=1):
        if say and (match := re.match(pattern, line)):
            return rank, say(place, *match.groups())
    return 0, line


def _option(place: Place, name: str) -> str:
    first = name.partition(".")[0]
    if place.owner in ("lightning.LightningModule", "lightning.LightningDataModule"):
        return _too_early(place, "")
    if not place.owner and (place.command, first) == ("fit", "experiment"):
        return "lth fit trains once and takes no experiment: leave its config out, or use lth run"
    if not place.owner:
        groups = naming.groups()
        return f"a config has no key '{first}'{naming.meant(first, groups) or _all(groups)}"
    known = naming.arguments(_imported(place.owner))
    owner = place.owner.rpartition(".")[2]
    return f"{_where(place)}{owner} takes no '{name}'{naming.meant(name, known) or _all(known)}"


def _too_early(place: Place, base: str) -> str:
    return f"keys of {place.key} are set before its class is chosen: put the config that chooses it first, debug last"


def _unrecognised(place: Place, words: str) -> str:
    word = words.split()[0].partition("=")[0]
    name = word.lstrip("-")
    if not word.startswith("-"):
        return f"'{word}' belongs to no option: give options as --key value"
    if not place.owner:
        return f"there is no option {word}{naming.meant(name, naming.options())}: --help lists them"
    inside, _, last = name.rpartition(".")
    first = name.partition(".")[0]
    known = naming.arguments(_imported(place.owner))
    if first in known:
        known = naming.arguments(_imported(place.owner), inside)
        return f"{place.key}.{inside} takes no '{last}'{naming.meant(last, known) or _all(known)}"
    return _option(place, first)


def _required(place: Place, names: str) -> str:
    if not place.key:
        return missing(names.split(", "), place.command)
    options = " and ".join(f"--{place.key}.{name}" for name in names.split(", "))
    return f"{place.key} is not complete: give {options}"


def _no_member(place: Place, module: str, name: str) -> str:
    return f"{_where(place)}there is no '{name}' in {module}{naming.meant(name, _members(module))}"


def _no_class(place: Place, name: str) -> str:
    meant = naming.meant(name, naming.classes()) or ": a class of yours needs its full path, such as my.module.Class"
    return f"{_where(place)}there is no class '{name}'{meant}"


_RULES: tuple[tuple[str, Callable[..., str] | None], ...] = (
    (r"Option '([^']+)' is not accepted", _option),
    (
        r"Group '([^']+)' does not accept option '([^']+)'",
        lambda place, group, name: _option(place._replace(owner=group), name),
    ),
    (r"unrecognized arguments: (.*)", _unrecognised),
    (r"the following arguments are required: (.*)", _required),
    (r"argument (?:-\w/)?([^/:]+)\S*: expected one argument", lambda _, name: f"{name} needs a value after it"),
    (r"Expected an instantiatable class, but (\S+) is abstract", _too_early),
    ("types", None),
    (r"module '([^']+)' has no attribute '([^']+)'", _no_member),
    (r"No module named '([^']+)'", lambda place, name: f"{_where(place)}there is no module '{name}' to import"),
    (r"Expected a dot import path string: (\S+)", _no_class),
    (
        r"Import path (\S+) does not correspond to a subclass of (\w+)",
        lambda place, path, base: f"{_where(place)}{path} is no {base}: give the path of a class derived from it",
    ),
    (
        r"(?:Not a valid|Import path does not correspond to a) subclass of (\w+)",
        lambda place, base: f"{_where(place)}give the path of a class derived from {base}",
    ),
)
_RANK_OF_TYPES = next(rank for rank, (_, say) in enumerate(_RULES, start=1) if say is None)


def _where(place: Place) -> str:
    return f"{place.key}: " if place.key else ""


def _all(known: dict[str, str]) -> str:
    return f": it takes {', '.join(known)}" if known else ""


def _imported(path: str) -> Any:
    try:
        return Trainer if path == "trainer" else import_object(path)
    except (ImportError, AttributeError, ValueError):
        return None


def _members(module: str) -> dict[str, str]:
    there = import_module(module)
    classes = [name for name, path in naming.classes().items() if path == f"{module}.{name}"]
    submodules = [found.name for found in iter_modules(getattr(there, "__path__", []))]
    return {name: name for name in [*dir(there), *submodules, *classes] if not name.startswith("_")}
