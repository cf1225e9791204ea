"""Steps of several trainings at once, each of which goes its own way otherwise."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from .classifier import Batch, Classifier
from .fused import align
from .group import Group
from .lockstep import Lockstep, current
from .replicas import tensors


class InTurnWarning(UserWarning):
    """A training goes on alone, although others might step with it."""


Answer = tuple[Tensor, Tensor, Sequence[Tensor]]


class Request(NamedTuple):
    """A step that a training asks for."""

    group: Group
    number: int
    batch: Batch


class Fleet(Lockstep):
    """Trainings in turn, whose steps are done at once where their networks are alike.

    Args:
        count: How many of them at a time.
    """

    def __init__(self, count: int) -> None:
        super().__init__(answers, count)
        self.groups: list[Group] = []

    def group(self, classifier: Classifier, trainer: Trainer, batch: Batch) -> Group:
        """That of networks like a training's; those that nobody is in give way to a new one, as they take memory.

        Raises:
            RuntimeError: If the network cannot be one of several.
        """
        found = next((group for group in self.groups if group.takes(classifier, trainer)), None)
        if found is None:
            self.groups = [group for group in self.groups if group.members]
            found = Group(classifier, trainer, self.places)
            found.step({0: batch})  # to see whether it goes; a training that joins brings all values of its slice
            self.groups.append(found)
        return found


class Place:
    """That of a training among those that step at once.

    Args:
        fleet: All of them.
        number: Its slice.
    """

    def __init__(self, fleet: Fleet, number: int) -> None:
        self._fleet, self._number = fleet, number
        self._group: Group | None = None

    def reserve(self, trainer: Trainer) -> None:
        """Let a training have it, which has not begun."""
        optimization: Any = trainer.fit_loop.epoch_loop.automatic_optimization
        optimization.place = self

    def join(self, trainer: Trainer, batch: Batch, plain: bool) -> bool:
        """Put the network among the others, if its training does what can be done for several; else say why not.

        Args:
            trainer: In training.
            batch: Its first.
            plain: Whether a step is a forward, a backward and an optimizer step, and no more.
        """
        module: Any = trainer.lightning_module
        why = obstacle(module, plain)
        if why is None:
            if module.channels_last is None:  # a slice has the layout of what it is a slice of
                module.net.to(memory_format=torch.contiguous_format)
            try:
                group = self._fleet.group(module, trainer, batch)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                module.arrange(trainer.strategy.root_device)
                why = str(error).partition("\n")[0]
        if why is not None:
            name = type(module).__name__
            warnings.warn(f"{name} does not step with others, but in turn: {why}", InTurnWarning, stacklevel=2)
            return False
        self._group, self._module = group, module
        group.members.add(self._number)
        self._parameters = [parameter for parameter in module.net.parameters() if parameter.requires_grad]
        put(module.net, group.replicas.own(self._number))
        for optimizer in trainer.optimizers:
            align(optimizer)
        return True

    def step(self, batch: Batch) -> Tensor:
        """The loss of a batch, once the others have theirs."""
        assert self._group is not None
        answer: Answer = self._fleet.together(Request(self._group, self._number, batch))
        logits, loss, self._gradients = answer
        self._module.train_tally.update(logits, batch[1], loss)
        return loss

    def backward(self) -> None:
        """Give the parameters their gradients of this step."""
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient

    def leave(self) -> None:
        """Leave the slice to another training; the network is not to be used any more."""
        if self._group is not None:
            self._group.members.discard(self._number)


def obstacle(module: LightningModule, plain: bool) -> str | None:
    """Why a training cannot step with others, as far as that is known before."""
    if not plain:
        return "it clips or accumulates gradients, scales its loss, or has a step of its own"
    if type(module).training_step is not Classifier.training_step:
        return "it has a training_step of its own"
    return "its network is compiled" if getattr(module, "compile_net", False) else None


@contextmanager
def placed() -> Iterator[Place | None]:
    """Have a place, once one is free; None where trainings are not done together."""
    fleet = current()
    if not isinstance(fleet, Fleet):
        yield None
        return
    with fleet.place() as number:
        place = Place(fleet, number)
        try:
            yield place
        finally:
            place.leave()


def answers(requests: Sequence[Request]) -> list[Answer]:
    """Logits, loss and gradients for each request, by as few steps as there are groups and shapes of batches."""
    found: dict[int, Answer] = {}
    for group, shape in {(request.group, request.batch[0].shape): None for request in requests}:
        own = {r.number: r.batch for r in requests if r.group is group and r.batch[0].shape == shape}
        outcome = group.step(own)
        logits, losses = outcome.logits.clone(), outcome.losses.clone()  # which are kept beyond the next step
        rows = list(zip(*(gradient.unbind() for gradient in outcome.gradients), strict=True))
        found |= {number: (logits[number], losses[number], rows[number]) for number in own}
    return [found[request.number] for request in requests]


@torch.no_grad()
def put(net: nn.Module, places: Mapping[str, Tensor]) -> None:
    """Move a network's parameters and buffers to other places; their values stay."""
    for name, own in tensors(net):
        places[name].copy_(own)
        own.data = places[name]
