"""Runs an experiment: its folder, its replicates, and who watches."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lightning.pytorch import Trainer

from ..files import held
from ..sparsity import Mask, Prunable
from ..training import Seeds
from .base import Built, Experiment, Part, Result
from .building import Along, Build, Observer, Vary, Watch, by_itself, unvaried, unwatched
from .failed import FailedTrainingError
from .following import follow
from .inapplicable import note_inapplicable
from .ownership import Completed, Config, claim, may_differ, pause
from .recipe import LightningRecipe
from .refusals import refuse_numbers
from .results import Ledger, recorded
from .several import refuse_unshared
from .study import Study
from .trainer import quiet_trainer
from .units import again_and_again, unless_held
from .widths import parameters, refuse_too_few


@dataclass(frozen=True)
class Run:
    """An experiment in its folder.

    Args:
        experiment: What to arrange.
        build: A fresh module, data module and Trainer arguments, for given seeds.
        folder: The experiment's folder.
        config: The resolved configuration, kept as `config.yaml`.
        seeds: One replicate each.
        prunable: Which weights a mask is over.
        save_seconds: How often a running training is saved.
        retry: Whether to try trainings again that failed before.
        replicas: How many trainings step at once, if there are as many that need not wait for each other.
        vary: Makes a changed configuration, for the points of a study.
        along: Lets the processes of other devices train along.

    Raises:
        ValueError: If no seeds are given, one is negative or given twice, or another number is out of its range.
    """

    experiment: Experiment
    build: Build
    folder: Path
    config: Config
    seeds: Sequence[int] = (0,)
    prunable: Prunable = field(default_factory=Prunable)
    save_seconds: float = 20.0
    retry: bool = False
    replicas: int = 1
    vary: Vary = unvaried
    along: Along = by_itself

    def __post_init__(self) -> None:
        refuse_numbers(self.seeds, self.replicas, self.save_seconds)

    @property
    def trainings(self) -> int:
        """Number of trainings, over all replicates."""
        return self.experiment.trainings * len(self.seeds)

    @property
    def finished(self) -> set[str]:
        """The finished trainings of these replicates, by their folders in this one."""
        results = (result for seed in self.seeds for result in (self.folder / f"seed-{seed}").rglob("result.pt"))
        return {result.parent.relative_to(self.folder).as_posix() for result in results}

    @property
    def units(self) -> list[tuple[Part, int]]:
        """The parts of all replicates: part and seed."""
        return [(part, seed) for part in self.experiment.parts for seed in self.seeds]

    def missing(self) -> int:
        """Number of units that are not finished."""
        return sum(1 for part, seed in self.units if not self._done(part, seed))

    def trainer(self, built: Built) -> Trainer:
        """The Trainer of a training of the configuration, to see which devices it is for."""
        return quiet_trainer(built.trainer, self.folder, [], 0)

    def check(self, built: Built) -> None:
        """Refuse, before anything is written, what could not be trained.

        Args:
            built: The module, data module and Trainer arguments of one training.

        Raises:
            ValueError: If the settings do not fit together.
        """
        points = self.experiment.points if isinstance(self.experiment, Study) else []
        variations = [self.vary(point.changes) for point in points if point.changes]
        for changes in self.experiment.changes:
            self.vary(changes)
        if isinstance(self.experiment, Study) and variations:
            self.experiment.comparable([variation.config for variation in variations])
        for build in [variation.build for variation in variations] or [self.build]:
            self._check(build, build(Seeds.of(0), 0) if variations else built)

    def _check(self, build: Build, built: Built) -> None:
        weights = Mask.dense(self.prunable(built.module))
        self.experiment.check(built, weights)
        refuse_unshared(self.trainer(built), self.replicas)
        if self.experiment.small_dense:
            fewer = weights.size - round(min(self.experiment.small_dense) * weights.size)
            refuse_too_few(lambda width: parameters(build, Seeds.of(0), width), fewer)

    def check_data(self, built: Built) -> None:
        """Refuse, once the data is there, what it does not do for.

        Args:
            built: The module, data module and Trainer arguments of one training.

        Raises:
            ValueError: If the data, or the length of a training, cannot be what is asked of it.
        """
        self.experiment.check_data(built)
        for changes in ({}, *self.experiment.changes):
            other = self.vary(changes).build(Seeds.of(0), 0) if changes else built
            self.experiment.check_training(changes, other, Mask.dense(self.prunable(other.module)))
            refuse_unshared(self.trainer(other), self.replicas, other.data)

    def claim(self, completed: Completed = dict) -> None:
        """Make the folder this experiment's.

        Args:
            completed: Adds the keys that an older version's configuration lacks.

        Raises:
            OtherConfigError: If it is another's.
        """
        with held(self.folder, wait=pause):
            claim(self.folder, self.config, partial(may_differ, self.experiment), completed)

    def run(self, watch: Watch = unwatched, thorough: bool = False) -> list[Result]:
        """Run every replicate, each in its folder `seed-N`; what is finished is read, what was cut resumes.

        Every part of a study, or seed of another experiment, is held while it is done, and what another process holds
        is left to it.

        Args:
            watch: Observers for the trainings in a folder that has a table of its own.
            thorough: Whether to look at finished parts of a study too, so that observers hear of them.

        Raises:
            FailedTrainingError: In the end, if a training failed.
            InUseError: If there is one seed only, and another process has it.
        """
        failures: dict[str, str] = {}
        if isinstance(self.experiment, Study):

            def apart(part: Part, seed: int) -> list[Result]:
                with self._told(self._place(part, seed), part.experiment, watch) as (ledger, observers):
                    return self._run(part, seed, ledger, observers, failures, watch)

            results = self._each(apart, thorough)
        else:
            with self._told(self.folder, self.experiment, watch) as (ledger, observers):
                results = self._each(partial(self._run, ledger=ledger, observers=observers, failures=failures), True)
        if failures:
            name, why = next(iter(failures.items()))
            raise FailedTrainingError(
                f"{len(failures)} of {self.trainings} trainings failed, {name} first ({why}); what does not depend on "
                "them is done; the same command with --retry true tries them again"
            )
        return results

    def follow(self, trainer: Trainer, words: Sequence[str]) -> None:
        """Train along, with a Trainer of another device, with the process that runs this; `words` began both."""
        ledger = Ledger(self.folder / "results.jsonl")
        of_any = LightningRecipe(self.build, Seeds.of(0), self.folder, {}, ledger, self.prunable, vary=self.vary)
        follow(trainer, words, of_any.follow)

    @property
    def shares(self) -> bool:
        """Whether several processes may share the work."""
        return isinstance(self.experiment, Study) or len(self.seeds) > 1

    @property
    def unit(self) -> str:
        """What one process does at a time."""
        return "part" if isinstance(self.experiment, Study) else "seed"

    @contextmanager
    def _told(self, folder: Path, experiment: Experiment, watch: Watch) -> Iterator[tuple[Ledger, Sequence[Observer]]]:
        """The table in a folder, and the observers, of trainings there."""
        with watch(folder) as observers:
            note_inapplicable(folder, experiment.inapplicable)
            yield Ledger(folder / "results.jsonl"), observers

    def _each(self, do: Callable[[Part, int], list[Result]], thorough: bool) -> list[Result]:
        """Do the units that nobody else does; a finished one only to look at it thoroughly."""

        def unit(part: Part, seed: int) -> list[Result] | None:
            if self._done(part, seed) and not thorough:
                return []
            return unless_held(self._place(part, seed), partial(do, part, seed), self.shares)

        found = again_and_again([partial(unit, *each) for each in self.units], self.replicas)
        return [result for results in found for result in results]

    def _run(
        self,
        part: Part,
        seed: int,
        ledger: Ledger,
        observers: Sequence[Observer],
        failures: dict[str, str],
        watch: Watch = unwatched,
    ) -> list[Result]:
        recipe = LightningRecipe(
            build=self.build,
            seeds=Seeds.of(seed),
            root=self.folder,
            labels={"experiment": type(self.experiment).__name__, "seed": seed},
            prunable=self.prunable,
            ledger=ledger,
            observers=observers,
            save_seconds=self.save_seconds,
            retry=self.retry,
            failures=failures,
            vary=self.vary,
            watch=watch,
            along=self.along,
        )
        with suppress(FailedTrainingError):  # of a dense training, on which all of this part depends
            return part.run(recipe, self.folder / f"seed-{seed}")
        return []

    def _place(self, part: Part, seed: int) -> Path:
        return self.folder / f"seed-{seed}" / part.name

    def _done(self, part: Part, seed: int) -> bool:
        place = self._place(part, seed)
        shared = [self.folder / f"seed-{seed}" / name / "result.pt" for name in part.shared]
        home, own = place if isinstance(self.experiment, Study) else self.folder, [*place.rglob("result.pt")]
        return len(own) >= part.trainings and all(
            recorded(there / "results.jsonl", results, self.folder)
            for there, results in [(home, own), *((one.parent, [one]) for one in shared)]
        )
