"""The shipped configs: where they are, and names for them."""

from pathlib import Path


def shipped() -> dict[str, Path]:
    """Name -> path of every shipped config, such as 'imp' -> configs/experiments/imp.yaml.

    An installed wheel has them inside the package, a checkout beside it.
    """
    inside = Path(__file__).parent / "configs"
    root = inside if inside.is_dir() else Path(__file__).parent.parent / "configs"
    return {path.stem: path for path in sorted(root.rglob("*.yaml"))}


def title(path: Path) -> str:
    """What a config says it is: the first line of its header."""
    first = path.read_text().split("\n", 1)[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def resolve(args: list[str]) -> list[str]:
    """Replace names of shipped configs after --config by their paths; a file of that name in the way wins.

    Raises:
        ValueError: If there is neither a file nor a shipped config of that name.
    """
    known = shipped()
    resolved = list(args)
    for place, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        if equals and flag in ("--config", "-c"):
            resolved[place] = f"{flag}={_path(value, known)}"
        elif place and args[place - 1] in ("--config", "-c"):
            resolved[place] = _path(arg, known)
    return resolved


def _path(name: str, known: dict[str, Path]) -> str:
    if Path(name).is_file():
        return name
    if name in known:
        return str(known[name])
    raise ValueError(
        f"no config file '{name}' here, and none shipped under that name: 'lth configs' lists {len(known)}"
    )
