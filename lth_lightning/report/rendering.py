"""Templates, and how text is set on the page."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from .intervals import CONFIDENCE

MINUS, HARD_SPACE = "\u2212", "\u00a0"


def typeset(text: str) -> str:
    """A true minus before digits, and no line break within '16.8 %' and 'n = 3'."""
    text = re.sub(r"(?<![\w.])-(?=\d)", MINUS, text)
    return re.sub(r" (?=%)|(?<=\d %) (?=interval)|(?<=\bn) (?==)|(?<=\bn =) (?=\d)", HARD_SPACE, text)


def softened(sentence: str) -> Markup:
    """A sentence with what stands in brackets set more quietly, everything escaped."""
    return Markup(re.sub(r"\([^()]*\)", r"<span>\g<0></span>", str(escape(typeset(sentence)))))


def rendered(template: str, **values: Any) -> bytes:
    """A page.

    Args:
        template: Its file.
        values: What the template names.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"typeset": typeset, "softened": softened}
    environment.globals["confidence"] = f"{100 * CONFIDENCE:g}"
    return environment.get_template(template).render(**values).encode()
