"""One method at one point of a study's grid."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """One method at one point of a grid.

    Args:
        method: Its name; empty in an experiment without methods.
        point: Axes and their values, in the order of the grid.
    """

    method: str
    point: tuple[tuple[str, Any], ...] = ()

    @property
    def at(self) -> dict[str, Any]:
        """Axis -> value."""
        return dict(self.point)

    def without(self, axis: str) -> "Setting":
        """The same but for one axis."""
        return Setting(self.method, tuple(pair for pair in self.point if pair[0] != axis))

    @property
    def place(self) -> str:
        """The point in words.

        Example:
            >>> Setting("imp", (("lr", 0.01), ("length", "original"))).place
            'lr 0.01, length original'
        """
        return ", ".join(f"{axis} {named(value)}" for axis, value in self.point)

    @property
    def name(self) -> str:
        """Method and point in words; 'all' where neither is told."""
        return ", ".join(filter(None, [self.method, self.place])) or "all"


def named(value: Any) -> str:
    """A value of an axis as people write it; nothing where it has none.

    Example:
        >>> named(0.1), named(1e-4), named("original")
        ('0.1', '0.0001', 'original')
    """
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
