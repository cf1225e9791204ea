"""How words of a command line become values, and values words."""

import json
from typing import Any, Union, get_args, get_origin

from lightning.pytorch.cli import LightningArgumentParser


def read_integers_as_such(parser: LightningArgumentParser) -> None:
    """Let 1 be one batch and not all of them, 1.0, where the Trainer takes both.

    Which of a Union's types comes first depends on the order of imports, as typing's cache takes Optional[Union[int,
    float]] and Optional[Union[float, int]] for the same; jsonargparse takes the first that fits.
    """
    for action in parser._actions:
        kinds = get_args(hint := getattr(action, "_typehint", None))
        if get_origin(hint) is Union and {int, float} <= {*kinds}:
            vars(action)["_typehint"] = Union[(int, *(kind for kind in kinds if kind is not int))]


def word(value: Any) -> str:
    """A value as it is written on a command line."""
    return value if isinstance(value, str) else json.dumps(value)
