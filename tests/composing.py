"""The shipped configs by kind, and what a command line makes of them."""

from lth_lightning import configs
from lth_lightning.arguments import Arguments

SHIPPED = configs.shipped()


def names(kind: str) -> list[str]:
    return [name for name, path in SHIPPED.items() if path.parent.name == kind]


def parsed(*words: str, command: str = "run") -> Arguments:
    return Arguments(command, [*configs.resolve(list(words)), "--folder", "run"])
