"""Many methods, at every point of a grid, against what they have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from ..sparsity import Mask, Policy
from .base import Built, Experiment, Part, Recipe, Result
from .dense import Dense
from .grid import Axis, Point, axes, ends, points
from .sharing import Sharing, small_dense
from .small_dense import SmallDense

RATE = "lr"  # the axis that the conditions of Ma et al. choose from


@dataclass(frozen=True, kw_only=True)
class Study(Experiment):
    """Methods x points of a grid x seeds: every training happens once, and all land in one table.

    At every point the methods share the dense network, and small dense networks of equal density. A study grows: what
    is added to its methods, axes or seeds is trained, what is there is not done again. The same command started
    several times at once, on one machine or as tasks of SLURM, shares the work.

    Args:
        methods: Name -> an experiment, such as `imp: {class_path: IterativePruning, ...}`.
        grid: Axes: a key of the configuration and its values, such as `model.optimizer.lr: [0.01, 0.1]`; or a name and
            labelled changes of several keys, `length: {short: {trainer.max_epochs: 40}, long: {...}}`.
        name: What the study is called in tables.

    Raises:
        ValueError: If there is no method, or a name or an axis cannot be used.
    """

    methods: dict[str, Experiment]
    grid: dict[str, Axis] = field(default_factory=dict)
    name: str = "study"

    def __post_init__(self) -> None:
        if not self.methods:
            raise ValueError("a study has no methods: give at least one, such as imp: {class_path: IterativePruning}")
        taken = {"dense", "small_dense"}
        for name, method in self.methods.items():
            if isinstance(method, Study):
                raise ValueError(f"the method {name} is itself a Study: give its methods and axes to this one")
            if name in taken and not isinstance(method, Dense):
                raise ValueError(f"a method is called {name}, which is what all methods share: call it otherwise")
            if not name or {*name} & {*"/\\ "}:
                raise ValueError(f"a method is called '{name}', which cannot name a folder: use letters, digits and _")
        points(self.grid)

    def run(self, recipe: Recipe, folder: Path) -> list[Result]:
        """Run one replicate, part by part."""
        return [result for part in self.parts for result in part.run(recipe, folder)]

    @property
    def parts(self) -> Sequence[Part]:
        """Methods at points: `lr-0.01/imp`. A method at all points, then the next: few wait for a dense one."""
        return [
            Part(
                name="/".join(filter(None, [point.name, name])),
                experiment=method,
                run=partial(self._run, point, name),
                trainings=method.trainings - len(_shared(method)),
                shared=["/".join(filter(None, [point.name, shared])) for shared in _shared(method)],
                changes=point.changes,
            )
            for name, method in self.methods.items()
            for point in self.points
        ]

    def _run(self, point: Point, name: str, recipe: Recipe, folder: Path) -> list[Result]:
        labels = {"experiment": type(self).__name__, "study": self.name, "point": dict(point.at)}
        method = self.methods[name]
        common = recipe.varied(point.changes, labels)
        own = common.varied({}, {"experiment": type(method).__name__, "method": name})
        there = folder / point.name
        return method.run(Sharing(own, common, there, self.moments), there / name)

    @property
    def points(self) -> list[Point]:
        """All points of the grid."""
        return points(self.grid)

    @property
    def moments(self) -> Sequence[str]:
        """The moments of the dense network's training that methods start from."""
        return tuple(dict.fromkeys(moment for method in self.methods.values() for moment in method.moments))

    @property
    def in_common(self) -> Sequence[str]:
        """The folders of what the methods share in a replicate."""
        small = dict.fromkeys(map(small_dense, self.small_dense))
        return ["/".join(filter(None, [point.name, name])) for point in self.points for name in ("dense", *small)]

    @property
    def small_dense(self) -> Sequence[float]:
        """The densities of small dense networks, of all methods."""
        return [density for method in self.methods.values() for density in method.small_dense]

    @property
    def changes(self) -> Sequence[Mapping[str, Any]]:
        """What the methods' controls change of the configuration."""
        return [changes for method in self.methods.values() for changes in method.changes]

    @property
    def trainings(self) -> int:
        """Those of all parts, and what they share."""
        return sum(part.trainings for part in self.parts) + len(self.in_common)

    @property
    def inapplicable(self) -> Mapping[str, str]:
        """By method and arm."""
        return {
            f"{name}/{arm}": why for name, method in self.methods.items() for arm, why in method.inapplicable.items()
        }

    @property
    def arms(self) -> Mapping[str, Sequence[float]]:
        """By method, but for what they share."""
        found: dict[str, Sequence[float]] = {}
        for name, method in self.methods.items():
            shared = ("dense", SmallDense.arm) if method.small_dense else ("dense",)
            for arm, densities in method.arms.items():
                found[arm if arm in shared else f"{name}/{arm}"] = densities
        return found

    @property
    def found(self) -> Mapping[str, Sequence[float]]:
        """The densities of sparse networks by method."""
        return {name: method.found[""] for name, method in self.methods.items()}

    @property
    def axes(self) -> Mapping[str, Sequence[Any]]:
        """Axis -> its values."""
        return {axis: list(values) for axis, values in axes(self.grid).items()}

    def check(self, built: Built, weights: Mask) -> None:
        """All methods can do with the settings of a point."""
        super().check(built, weights)
        for name, method in self.methods.items():
            try:
                method.check(built, weights)
            except ValueError as error:
                raise ValueError(f"method {name}: {error}") from error

    def check_data(self, built: Built) -> None:
        """All methods can do with the data."""
        for method in self.methods.values():
            method.check_data(built)

    def check_training(self, changes: Mapping[str, Any], built: Built, weights: Mask) -> None:
        """All methods can be trained so."""
        for name, method in self.methods.items():
            try:
                method.check_training(changes, built, weights)
            except ValueError as error:
                raise ValueError(f"method {name}: {error}") from error

    def introduced(self, built: Built, weights: Mask) -> Sequence[str]:
        """What there is to know of all methods, once."""
        told = (line for method in self.methods.values() for line in method.introduced(built, weights))
        return list(dict.fromkeys(told))

    def comparable(self, configs: Sequence[Mapping[str, Any]]) -> None:
        """Raise a ValueError unless points that differ in the learning rate only may be compared.

        Args:
            configs: The flat configuration of every point, in the order of `points`.
        """
        kept = ("data.class_path", "data.init_args.", "model.init_args.net.", "trainer.max_epochs", "trainer.max_steps")
        first: dict[str, tuple[Point, Mapping[str, Any]]] = {}
        for point, config in zip(self.points, configs, strict=True):
            group = str({axis: value for axis, value in point.at.items() if axis != RATE})
            other, same = first.setdefault(group, (point, config))
            for key in sorted({*same, *config}):
                if key.startswith(kept) and same.get(key) != config.get(key) and "batch_size" not in key:
                    raise ValueError(
                        f"{other.name} and {point.name} cannot be compared, as verdicts over learning rates do: {key} "
                        f"is {same.get(key)} and {config.get(key)}; give {key.rpartition('.')[2]} an axis of its own"
                    )

    def taking(self, policy: Policy) -> "Experiment":
        """No method of its own is left open."""
        raise ValueError(
            f"a study names its methods, and the config has a Sparsify with {type(policy).__name__} besides: leave it "
            "out, or make it a method: {class_path: OneShotPruning, init_args: {policy: ...}}"
        )

    def may_differ(self, key: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
        """Methods and values of axes may come and go; what a method is may change only as far as it itself may."""
        first, _, rest = key.partition(".")
        if first == "grid":
            return self._of_a_value(key, there, here)
        name, *_ = rest.split(".")
        if first != "methods" or not all(_has(arguments, f"methods.{name}") for arguments in (there, here)):
            return first in ("methods", "name")
        own = f"methods.{name}.init_args."
        mine = [{k.removeprefix(own): v for k, v in arguments.items()} for arguments in (there, here)]
        return key.startswith(own) and self.methods[name].may_differ(key.removeprefix(own), *mine)

    def _of_a_value(self, key: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
        """Whether a key of the grid differs because an axis has a value more or less."""
        for axis, values in self.grid.items():
            before = f"grid.{axis}"
            if key == before:
                return isinstance(there.get(key), list) and isinstance(values, list)
            if key.startswith(f"{before}.") and isinstance(values, Mapping) and _has(there, before):
                label = key.removeprefix(f"{before}.").partition(".")[0]
                return not all(_has(arguments, f"{before}.{label}") for arguments in (there, here))
        return False

    def tried(self) -> Self:
        """Every method, but few of everything else: two rounds or one density, and the ends of every axis."""
        methods = {name: method.tried() for name, method in self.methods.items()}
        return replace(self, methods=methods, grid=ends(self.grid))


def _shared(method: Experiment) -> list[str]:
    """The folders, at a point of the grid, of a method's trainings that are shared with others."""
    return [*(["dense"] if "dense" in method.arms else []), *map(small_dense, method.small_dense)]


def _has(arguments: Mapping[str, Any], name: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for key in arguments)
