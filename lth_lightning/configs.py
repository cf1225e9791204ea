"""The shipped configs: where they are, and names for them."""

from difflib import get_close_matches
from pathlib import Path

import yaml

from .failures import UsageError

KINDS = ("tasks", "methods", "experiments", "studies", "analyses")


def shipped() -> dict[str, Path]:
    """Name -> path of every shipped config, such as 'imp' -> configs/experiments/imp.yaml.

    An installed wheel has them inside the package, a checkout beside it.
    """
    inside = Path(__file__).parent / "configs"
    root = inside if inside.is_dir() else Path(__file__).parent.parent / "configs"
    return {path.stem: path for path in sorted(root.rglob("*.yaml"))}


def listed() -> str:
    """All shipped configs for people: by kind, with what each says that it is."""
    known = shipped()
    width = max(map(len, known)) + 2
    kinds = {path.parent.name: "overlays" for path in known.values()} | {kind: kind for kind in KINDS}
    lines = []
    for kind, heading in sorted(kinds.items(), key=lambda item: (*KINDS, "overlays").index(item[1])):
        names = [name for name, path in known.items() if path.parent.name == kind]
        lines += [heading, *(f"  {name:{width}}{title(known[name])}" for name in names), ""] if names else []
    return "\n".join(
        [
            *lines,
            "lth run --config TASK --config EXPERIMENT --folder FOLDER    or, for one training,",
            "lth fit --config TASK --config METHOD --folder FOLDER",
        ]
    )


def title(path: Path) -> str:
    """What a config says it is: the first line of its header."""
    first = path.read_text().split("\n", 1)[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def resolve(args: list[str]) -> list[str]:
    """Replace names of shipped configs after --config by their paths; a file of that name in the way wins.

    Raises:
        UsageError: If there is neither a file nor a shipped config of that name, or the file holds no config.
    """
    resolved = list(args)
    for place, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        if equals and flag in ("--config", "-c"):
            resolved[place] = f"{flag}={_path(value)}"
        elif place and args[place - 1] in ("--config", "-c"):
            resolved[place] = _path(arg)
    return resolved


def _path(name: str) -> str:
    known = shipped()
    path = Path(name) if Path(name).is_file() else known.get(name)
    if path is not None:
        _check(path)
        return str(path)
    if (Path(name) / "config.yaml").is_file():
        raise UsageError(f"'{name}' is a folder: give its config, --config {Path(name) / 'config.yaml'}")
    close = get_close_matches(name, known, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    raise UsageError(f"there is no config '{name}'{meant}: give a file, or a name that 'lth configs' lists")


def _check(path: Path) -> None:
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{path}{line} is not YAML ({error.problem}): mend it") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML ({error}): give a text file of keys and values") from error
    if not isinstance(content, dict):
        what = "is empty" if content is None else f"holds a {type(content).__name__}"
        raise UsageError(f"{path} {what}: a config is keys and values, such as 'trainer: {{max_epochs: 10}}'")
