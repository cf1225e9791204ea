"""How classes are spelt where they name folders and columns."""

import re


def underscored(kind: type) -> str:
    """The name of a class in small letters, its words apart: 'sparse_fan_in' of `SparseFanIn`.

    A word begins with a capital that a small letter follows, so that names such as SET stay one.

    Example:
        >>> underscored(type("ToSolution", (), {})), underscored(type("RigLInverted", (), {})), underscored(set)
        ('to_solution', 'rigl_inverted', 'set')
    """
    return re.sub(r"(?<=[a-zA-Z])(?=[A-Z][a-z])", "_", kind.__name__).lower()
