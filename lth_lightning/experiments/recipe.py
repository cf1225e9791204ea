"""How to train any ticket with Lightning, once and resumably."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import nn

from ..files import DamagedFileError, again, held
from ..garbage import collect
from ..preemption import stop_if_asked
from ..sparsity import Batches, Fixed, Mask, Prunable, Sample
from ..training import (
    Drawn,
    History,
    HoldLearningRate,
    KeepCheckpoint,
    LastCheckpoint,
    Moment,
    Seeds,
    SeedSteps,
    Sparsify,
    load,
)
from ..training.together import Place, placed
from .base import Built, Result, Ticket
from .building import Along, Build, Observer, Vary, Watch, by_itself, unvaried, unwatched
from .failed import FailedTrainingError, forget, note, noted, reason, refuse_divergence
from .flops import flops
from .later import later
from .ownership import pause
from .refusals import own_sparsify
from .results import SCHEMA, Ledger, describe, provenance, read_result, structure, write_result
from .several import sent
from .stopwatch import Stopwatch
from .trainer import quiet_trainer
from .waiting import Waiting
from .widths import narrowed, parameters


@dataclass(frozen=True)
class LightningRecipe:
    """Trains tickets, each in its folder.

    Args:
        build: Makes a fresh module, data module and Trainer arguments.
        seeds: The replicate's seeds.
        root: The experiment's folder, which names are relative to.
        labels: Columns that all rows share, such as the experiment's name and the seed.
        ledger: Where each finished training's row goes.
        prunable: Which weights a mask is over.
        observers: Told of every training.
        save_seconds: How often a running training is saved.
        data: Attributes of the data module to set, and their values.
        retry: Whether to try trainings again that failed before.
        failures: Name of a training -> why it failed; it is added to.
        vary: Makes a changed configuration.
        changes: What is changed already.
        watch: Observers for the trainings in a folder that has a table of its own.
        along: Lets the processes of other devices train along.
    """

    build: Build
    seeds: Seeds
    root: Path
    labels: dict[str, Any]
    ledger: Ledger
    prunable: Prunable = field(default_factory=Prunable)
    observers: Sequence[Observer] = ()
    save_seconds: float = 20.0
    data: Mapping[str, Any] = field(default_factory=dict)
    retry: bool = False
    failures: dict[str, str] = field(default_factory=dict)
    vary: Vary = unvaried
    changes: Mapping[str, Any] = field(default_factory=dict)
    watch: Watch = unwatched
    along: Along = by_itself

    def train(self, ticket: Ticket, folder: Path, keep: Sequence[str] = ()) -> Result:
        """Train a ticket in its folder: read it if it is finished, resume it if it was cut.

        Raises:
            FailedTrainingError: If it fails, or did before and is not to be retried; `failures` has it then.
        """
        finished = read_result(folder)
        if finished is not None:
            return self._told(finished, anew=False)
        with placed() as place:
            own = self if place is None else replace(self, observers=[later(each) for each in self.observers])
            return own._told(own._attempt(ticket, folder, keep, place), anew=True)

    def _told(self, result: Result, anew: bool) -> Result:
        self.ledger.add(result.row)
        for observer in self.observers:
            observer.finished(dict(result.row), anew=anew)
        return result

    def _attempt(self, ticket: Ticket, folder: Path, keep: Sequence[str], place: Place | None) -> Result:
        stop_if_asked()
        before = None if self.retry else noted(folder)
        try:
            if before is not None:
                raise FailedTrainingError(before)
            forget(folder)
            with self.along(lambda: (sent(ticket), folder, keep, self.seeds, self.data, self.changes)):
                return self._train(ticket, folder, keep, place)
        except (RuntimeError, MemoryError) as error:
            why = before or reason(error)
            if why is None:
                raise
            note(folder, why)
            self.failures[self._name(folder)] = why
            for observer in self.observers:
                observer.failed(self._name(folder), why)
            raise FailedTrainingError(why) from error

    def follow(self, training: Any) -> Result:
        """Train along with the recipe that sent what it trains, in another process."""
        ticket, folder, keep, seeds, data, changes = training
        recipe = replace(self.varied(changes, {}), seeds=seeds, data=data)
        return recipe._train(ticket, folder, keep, None)

    def net(self, checkpoint: Path) -> nn.Module:
        """The network with the weights of a checkpoint, on the device that trains."""
        built = self._built(self.seeds.init)
        built.module.load_state_dict(load(checkpoint, built.module)["state_dict"])
        return built.module.to(quiet_trainer(built.trainer, self.root, [], 0).strategy.root_device)

    def draw(self, sample: Sample) -> Batches:
        """Training images and labels to score weights by."""
        return Drawn(self._built(self.seeds.init).data, sample)

    def on(self, data: Mapping[str, Any]) -> "LightningRecipe":
        """The same recipe with other data."""
        return replace(self, data={**self.data, **data})

    def varied(self, changes: Mapping[str, Any], labels: Mapping[str, Any]) -> "LightningRecipe":
        """The recipe of a changed configuration."""
        all_of_them = {**self.changes, **changes}
        build = self.vary(all_of_them).build if changes else self.build
        return replace(self, build=build, labels={**self.labels, **labels}, changes=all_of_them)

    @contextmanager
    def within(self, folder: Path) -> Iterator["LightningRecipe"]:
        """The same recipe for trainings that several processes want, and one does: the others wait for it."""
        with held(folder, wait=pause), self.watch(folder) as observers:
            yield replace(self, ledger=Ledger(folder / "results.jsonl"), observers=observers)

    def width(self, fewer: int) -> float:
        """The largest share of the network's width that leaves so many parameters fewer, or more than so many."""
        return narrowed(lambda width: parameters(self.build, self.seeds, width), fewer)

    def _built(self, init: int, width: float | None = None) -> Built:
        built = self.build(self.seeds, init) if width is None else self.build(self.seeds, init, width)
        for name, value in self.data.items():
            setattr(built.data, name, value)
        return built

    def _train(self, ticket: Ticket, folder: Path, keep: Sequence[str], place: Place | None) -> Result:
        collect()
        init = self.seeds.init if ticket.init is None else ticket.init
        built = self._built(init, ticket.width)
        own = own_sparsify(built.trainer["callbacks"])
        sparsify = self._sparsify(built, own if ticket.own else None, ticket)
        sparsify.seed = init
        if sparsify is own:
            ticket = replace(ticket, arm="sparse")  # nothing dense is what the config's own mask leaves
        last = folder / "last.ckpt"
        stopwatch = Stopwatch(folder / "timing.json")
        history = History(folder / "metrics.jsonl", self._tell(stopwatch))
        callbacks = [
            *ticket.callbacks(),
            *built.trainer["callbacks"],
            SeedSteps(self.seeds.dropout),
            *([HoldLearningRate()] if Moment.parse(ticket.more).count else []),
            Waiting(stopwatch.path, self._note),
            history,
            *(KeepCheckpoint(folder / f"kept-{moment}.ckpt", moment) for moment in keep),
            LastCheckpoint(last, self.save_seconds),
        ]
        trainer = quiet_trainer(built.trainer, folder, callbacks, Moment.parse(ticket.more).count)
        sparsify.listener = self._note
        if place is not None:
            place.reserve(trainer)
        for observer in self.observers:
            observer.started(ticket, self._name(folder), trainer.max_epochs or 0)
        start = last if last.exists() else ticket.start
        if start is not None:  # a damaged or foreign one is a sentence here, before anything is trained
            there = load(start, built.module)
            if start == last and history.state_key not in there.get("callbacks", {}):
                raise DamagedFileError(f"{last} is of another training: {again(last)}")
        trainer.fit(built.module, datamodule=built.data, ckpt_path=start, weights_only=True)
        group = trainer.optimizers[0].param_groups[0]  # a scheduler keeps the base rate there
        test = self._test(trainer, built)
        assert sparsify.mask is not None
        stopwatch.write()
        row = {
            "schema": SCHEMA,
            **self.labels,
            **describe(ticket, sparsify.mask, history.rows, test),
            **structure(built, sparsify.mask),
            **flops(trainer, built, sparsify, history.rows[-1]["step"]),
            **({"notes": sparsify.notes} if sparsify.notes else {}),
            "start_step": 0 if ticket.start is None else int(load(ticket.start)["global_step"]),
            "lr": float(group.get("initial_lr", group["lr"])),
            "data": type(built.data).__name__,
            "precision": str(trainer.precision),
            "folder": self._name(folder),
            **provenance(),
        }
        return write_result(folder, sparsify.mask, row) if trainer.is_global_zero else Result(folder, row)

    def _name(self, folder: Path) -> str:
        return folder.relative_to(self.root).as_posix()

    def _tell(self, stopwatch: "Stopwatch") -> Callable[[dict[str, Any]], None]:
        def tell(row: dict[str, Any]) -> None:
            stopwatch.write()
            for observer in self.observers:
                observer.epoch(row)
            refuse_divergence(row)

        return tell

    def _note(self, note: Mapping[str, Any]) -> None:
        for observer in self.observers:
            observer.noted(note)

    def _sparsify(self, built: Built, own: Sparsify | None, ticket: Ticket) -> Sparsify:
        """The pruning callback of this training: the config's own, or one that holds the ticket's mask."""
        if own is not None:
            own.policy, own.prunable = own.policy.reseeded(self.seeds.mask), self.prunable
            return own
        callbacks = built.trainer["callbacks"]
        if (policy := ticket.policy) is None:
            policy = Fixed(ticket.mask or Mask.dense(self.prunable(built.module)))
        sparsify = Sparsify(policy.reseeded(self.seeds.mask), self.prunable, ticket.initialise)
        callbacks[:] = [callback for callback in callbacks if not isinstance(callback, Sparsify)] + [sparsify]
        return sparsify

    def _test(self, trainer: Trainer, built: Built) -> dict[str, float]:
        if not is_overridden("test_step", built.module):
            return {}
        (metrics,) = trainer.test(built.module, datamodule=built.data, verbose=False)
        return dict(metrics)
