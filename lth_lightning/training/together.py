"""Steps of several trainings at once, each of which goes its own way otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from .captured import Captured, Step
from .classifier import Batch, Classifier
from .lockstep import Lockstep, current
from .replicas import Outcome, Replicas, alike, tensors


class Group:
    """Trainings whose networks are alike, of which each has a slice.

    Args:
        classifier: One of them.
        trainer: Its Trainer.
        count: Number of slices.
    """

    def __init__(self, classifier: Classifier, trainer: Trainer, count: int) -> None:
        self.replicas = Replicas(classifier.net, count).train()
        self.net, self.smoothing = classifier.net, classifier.label_smoothing
        self.precision = trainer.precision_plugin
        self.members = 0
        self._steps: dict[torch.Size, tuple[Tensor, Tensor, Step]] = {}

    def takes(self, classifier: Classifier, trainer: Trainer) -> bool:
        """Whether a training can have a slice."""
        return (
            alike(classifier.net, self.net)
            and classifier.label_smoothing == self.smoothing
            and type(trainer.precision_plugin) is type(self.precision)
            and trainer.precision == self.precision.precision
        )

    def step(self, batches: dict[int, Batch]) -> Outcome:
        """A step on batches of one shape; slices of which there is no batch step with the others, for nobody.

        Args:
            batches: Number of the slice -> images (B, C, H, W) and labels (B,).
        """
        images, labels = next(iter(batches.values()))
        if images.shape not in self._steps:
            count = self.replicas.count
            all_images, all_labels = images.new_zeros(count, *images.shape), labels.new_zeros(count, *labels.shape)
            self._steps[images.shape] = all_images, all_labels, self._made(all_images, all_labels)
        all_images, all_labels, step = self._steps[images.shape]
        for number, (own, classes) in batches.items():
            all_images[number], all_labels[number] = own, classes
        return step(all_images, all_labels)

    def _made(self, images: Tensor, labels: Tensor) -> Step:
        def step(images: Tensor, labels: Tensor) -> Outcome:
            with self.precision.train_step_context():
                return self.replicas.step(images, labels, self.smoothing)

        return step if images.device.type != "cuda" else Captured(step, images, labels, self.replicas.moved)


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

    def group(self, classifier: Classifier, trainer: Trainer) -> Group:
        """That of networks like a training's; those that nobody is in give way to a new one, as they take memory."""
        found = next((group for group in self.groups if group.takes(classifier, trainer)), None)
        if found is None:
            found = Group(classifier, trainer, self.places)
            self.groups = [*(group for group in self.groups if group.members), found]
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

    def reserve(self, trainer: Trainer, module: LightningModule) -> None:
        """Let a training have it, which has not begun."""
        optimization: Any = trainer.fit_loop.epoch_loop.automatic_optimization
        optimization.place = self
        if isinstance(module, Classifier) and module.channels_last is None:
            module.channels_last = False  # a slice has the layout of what it is a slice of

    def join(self, trainer: Trainer) -> bool:
        """Put the network among the others, if its training does what can be done for several."""
        module: Any = trainer.lightning_module
        if type(module).training_step is not Classifier.training_step or module.compile_net:
            return False
        self._group, self._module = self._fleet.group(module, trainer), module
        self._group.members += 1
        self._parameters = [parameter for parameter in module.net.parameters() if parameter.requires_grad]
        put(module.net, self._group.replicas.own(self._number))
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
            self._group.members -= 1


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
