"""What a study claims and by what bar tickets are judged, as data: a config states it, the report judges it."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

Densities = Mapping[str, Sequence[float]]
NEAR = 0.05  # a density is that which a claim asks for if it is this close, relatively


@dataclass(frozen=True)
class Claim:
    """What is claimed of an experiment's results, to be judged by intervals over seeds.

    Either a quantity lies above, below or within a number (`lies`, `by`), or it rises or falls along an axis (`moves`,
    `along`). The quantity is the metric of one arm, or that of one arm minus that of another, paired over seeds.

    Args:
        says: The claim as a sentence for people.
        of: The arm: 'ticket'; in a study with the method before it, 'imp/ticket'. 'dense' and 'small_dense' are the
            same for all methods of a study.
        minus: The arm that is subtracted, written alike.
        at: Where: 'density' (the nearest that was trained, within 5 %), and an axis of a study's grid each, such as
            {density: 0.086, lr: 0.005}. What is left out has to have one value only, or be `along`.
        lies: Where the quantity lies: above `by`, below `by`, within `by` of zero, or near the paper's number, as much.
        by: The threshold, in the units of the metric: 0.005 is half a percentage point of accuracy.
        moves: Whether it rises or falls along an axis, by more than `by` a step, and a step is from one value to the
            next.
        along: That axis: 'density' (in the order of falling density), or an axis of a study's grid.
        metric: A column of the results.
        paper: The paper's own number for the quantity, in the units of the metric.
        source: Where the paper has it, such as 'Fig. 1c'.

    Raises:
        ValueError: If it claims nothing, or two things at once.
    """

    says: str
    of: str
    minus: str | None = None
    at: dict[str, Any] = field(default_factory=dict)
    lies: Literal["above", "below", "within", "near"] | None = None
    by: float = 0.0
    moves: Literal["rises", "falls"] | None = None
    along: str | None = None
    metric: str = "test_accuracy"
    paper: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if (self.lies is None) == (self.moves is None):
            raise ValueError(f"{self._starts} has to say either where the quantity lies, or how it moves")
        if (self.moves is None) != (self.along is None):
            raise ValueError(f"{self._starts} says how a quantity moves along an axis: give moves and along")
        if self.lies in ("within", "near") and (not self.by > 0 or (self.lies == "near" and self.paper is None)):
            also = ", and the paper's" * (self.lies == "near")
            raise ValueError(f"{self._starts} lies {self.lies} by {self.by}: give by a number above zero{also}")
        if self.moves is not None and self.by < 0:
            raise ValueError(f"{self._starts} moves by more than {self.by} a step: give 0 or more")
        if self.along in self.at:
            raise ValueError(f"{self._starts} is along {self.along}, which `at` fixes: leave it out of at")

    def check(self, arms: Densities, axes: Mapping[str, Sequence[Any]], densities: Densities) -> None:
        """Refuse what no results of an experiment could answer; nothing has to be trained for that.

        Args:
            arms: What is trained, such as 'dense' or in a study 'imp/ticket', and its densities.
            axes: The axes of a study's grid and their values.
            densities: The densities of each method's tickets; of an experiment without methods under ''.

        Raises:
            ValueError: If an arm, axis, value or density is unknown, or several would do.
        """
        chosen = [self.arm(name, arms) for name in (self.of, self.minus) if name is not None]
        self.check_axes(axes)
        sparse = [name for name in chosen if any(density < 1 for density in arms[name])]
        self.check_densities({name: densities_of(name, densities) for name in sparse})

    def check_axes(self, axes: Mapping[str, Sequence[Any]]) -> None:
        """Refuse a place on a grid that is none, or not one.

        Args:
            axes: The axes and their values.

        Raises:
            ValueError: If an axis or value is unknown, or several would do.
        """
        for axis, value in self.at.items():
            if axis != "density" and found(value, self._values(axis, axes)) is None:
                raise ValueError(f"{self._at(axis)} {value}, of {_listed(axes[axis])}: name one of these")
        for axis, values in axes.items():
            if len(values) > 1 and axis not in self.at and axis != self.along:
                raise ValueError(f"{self._at(axis)} any of {_listed(values)}: fix it by `at`, such as {values[0]}")
        if self.along not in (None, "density") and len(self._values(str(self.along), axes)) < 2:
            raise ValueError(f"{self._starts} moves along {self.along}, which has one value: give the grid another")

    def check_densities(self, trained: Mapping[str, Sequence[float]]) -> None:
        """Refuse what is not about one density of every arm, nor moves along them.

        Args:
            trained: The densities of every arm but those of whole networks.

        Raises:
            ValueError: If there is no such density, or several would do.
        """
        if self.along == "density" and not trained:
            raise ValueError(f"{self._starts} moves along density, but dense networks have one: name tickets")
        for arm, values in trained.items():
            had = _listed(f"{value:.3g}" for value in values)
            if self.along == "density":
                if len(values) < 2:
                    raise ValueError(f"{self._starts} moves along density, but {arm} has one: train another")
            elif "density" in self.at:
                asked = self.at["density"]
                if nearest(asked, values) is None:
                    raise ValueError(f"{self._at('density')} {asked}, of {had} for {arm}: name one of these")
            elif len(values) > 1:
                raise ValueError(f"{self._at('density')} any of {had}: fix it by `at`, such as {values[-1]:.3g}")

    def arm(self, name: str, arms: Collection[str]) -> str:
        """The full name of an arm: with its method, which may be left out where there is one only.

        Args:
            name: As the claim has it.
            arms: What is trained.

        Raises:
            ValueError: If there is no such arm, or several.
        """
        meant = [name] if name in arms else sorted(arm for arm in arms if arm.endswith(f"/{name}"))
        if len(meant) > 1:
            raise ValueError(f"{self._starts} is about '{name}', of which method? Write {' or '.join(meant)}")
        if not meant:
            close = get_close_matches(name, arms, n=1, cutoff=0.7)
            instead = f"did you mean {close[0]}?" if close else f"name one of {_listed(sorted(arms))}"
            raise ValueError(f"{self._starts} is about '{name}', which is not trained: {instead}")
        return meant[0]

    @property
    def _starts(self) -> str:
        return f"the claim '{self.says}'"

    def _at(self, axis: str) -> str:
        return f"{self._starts} is at {axis}"

    def _values(self, axis: str, axes: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
        if axis not in axes:
            close = get_close_matches(axis, [*axes, "density"], n=1, cutoff=0.6)
            instead = f"did you mean {close[0]}?" if close else f"there are {_listed([*axes, 'density'])}"
            raise ValueError(f"{self._starts} is about the axis '{axis}', which is not in the grid: {instead}")
        return axes[axis]


@dataclass(frozen=True)
class Bar:
    """What tickets have to pass to win, by the conditions of Ma et al., 2021, arXiv:2107.00166.

    Args:
        tolerance: How far below dense networks counts as similar; by default the paper's for the data set: 0.005 for
            CIFAR-10, 0.01 for CIFAR-100 and Tiny-ImageNet, 0.015 for ImageNet, and 0.005 for any other.
        gap: How far above their controls tickets have to be.
        nontrivial: The density that a winning ticket has to be below.
        epochs: How long a training has to be to be sufficient; by default that is taken as given.
        alpha: The rate of false wins, over all densities of a table.

    Raises:
        ValueError: If one is out of its range.
    """

    tolerance: float | None = None
    gap: float = 0.005
    nontrivial: float = 0.4
    epochs: int | None = None
    alpha: float = 0.05

    def __post_init__(self) -> None:
        for name, value in {"tolerance": self.tolerance, "gap": self.gap}.items():
            if value is not None and not 0 < value < 1:
                raise ValueError(f"the {name} is a share, like 0.005 for half a percentage point, not {value}")
        if not 0 < self.nontrivial <= 1:
            raise ValueError(f"nontrivial is a density, like 0.4, not {self.nontrivial}")
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha is a rate of false wins below 0.5, like 0.05, not {self.alpha}")
        if self.epochs is not None and self.epochs < 1:
            raise ValueError(f"epochs is how long a sufficient training is, 1 or more, not {self.epochs}")

    def of(self, data: str | None) -> float:
        """The tolerance for a data set.

        Args:
            data: The name of its data module, such as 'CIFAR100'.
        """
        return TOLERANCES.get(data or "", DEFAULT_TOLERANCE) if self.tolerance is None else self.tolerance


DEFAULT_TOLERANCE = 0.005
TOLERANCES: Mapping[str, float] = {"CIFAR10": 0.005, "CIFAR100": 0.01, "TinyImageNet": 0.01, "ImageNet": 0.015}


def found(value: Any, values: Iterable[Any]) -> Any | None:
    """That of the values which is meant: a number up to rounding, else the same text.

    Example:
        >>> found("1e-2", [0.1, 0.01]), found("sufficient", ["original", "sufficient"]), found(0.2, [0.1])
        (0.01, 'sufficient', None)
    """
    return next((known for known in values if _same(value, known)), None)


def nearest(density: Any, densities: Iterable[float]) -> float | None:
    """That of the densities which is meant: the nearest within 5 %.

    Example:
        >>> nearest(0.086, [0.107, 0.0859]), nearest(0.09, [0.107, 0.08])
        (0.0859, None)
    """
    asked = number(density)
    close = [value for value in densities if asked is not None and abs(value - asked) <= NEAR * asked]
    return min(close, key=lambda value: abs(value - float(density)), default=None)


def densities_of(arm: str, densities: Mapping[str, Sequence[float]]) -> list[float]:
    """The densities that an arm has, falling: those of its method, or of all methods for what they share.

    Args:
        arm: Its full name.
        densities: Those of each method's tickets.
    """
    method = arm.rpartition("/")[0]
    own = densities.get(method, [value for values in densities.values() for value in values])
    return sorted({f"{value:.3g}": value for value in own if value < 1}.values(), reverse=True)


def number(value: Any) -> float | None:
    """What a value is as a number; None for labels, also for true and false."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _same(one: Any, other: Any) -> bool:
    a, b = number(one), number(other)
    return str(one) == str(other) if a is None or b is None else math.isclose(a, b, rel_tol=1e-6)


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
