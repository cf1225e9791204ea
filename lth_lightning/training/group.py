"""Trainings whose networks are alike, as one."""

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from .captured import Captured, Step
from .classifier import Batch, Classifier
from .replicas import Outcome, Replicas, alike


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
        self.members: set[int] = set()
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
        """A step on batches of one shape; slices of which there is no batch step with the others, to no effect.

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
        absent = [*self.members.difference(batches)]
        kept = [(tensor, tensor[absent]) for tensor in self.replicas.moved] if absent else []
        outcome = step(all_images, all_labels)
        for tensor, values in kept:
            tensor[absent] = values
        return outcome

    def _made(self, images: Tensor, labels: Tensor) -> Step:
        def step(images: Tensor, labels: Tensor) -> Outcome:
            with self.precision.train_step_context():
                return self.replicas.step(images, labels, self.smoothing)

        return step if images.device.type != "cuda" else Captured(step, images, labels, self.replicas.moved)
