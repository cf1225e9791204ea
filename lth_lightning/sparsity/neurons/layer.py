"""A layer whose neurons are to be chosen, and what a choice of them would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from ..criteria.scoring import output, undisturbed
from .gram import Gram
from .groups import Group
from .measuring import measure
from .output import Output

Kind = Literal["layer", "output", "accuracy"]


@dataclass(frozen=True)
class Layer:
    """A layer of a network in which earlier layers may have been pruned.

    Args:
        net: The network, left as it was.
        group: The layer's neurons.
        batches: (images, labels) to choose by, on the network's device.
        targets: The logits to imitate, batch by batch: of the network before anything was pruned; None for those of
            the network as it is.
    """

    net: nn.Module
    group: Group
    batches: Sequence[tuple[Tensor, Tensor]]
    targets: Sequence[Tensor] | None = None

    @cached_property
    def gram(self) -> Gram:
        """How the neurons' contributions to the layer that reads them go together."""
        return measure(self.net, self.group, self.batches)

    @cached_property
    def output(self) -> Output:
        """The network's output as a function of the coefficients."""
        images = [images for images, _ in self.batches]
        return Output(self.net, self.group, images, self.targets or logits(self.net, images))

    @property
    def whole(self) -> Tensor:
        """(N,) the coefficients of the layer as it is: 1 / N each."""
        place = next(self.net.parameters()).device
        return torch.full((self.group.count,), 1 / self.group.count, dtype=torch.float64, device=place)

    def changes(self, coefficients: Tensor, kind: Kind) -> float:
        """How much coefficients change, as a share of what there was.

        Args:
            coefficients: (N,), a.
            kind: 'layer': E |f_a - F|^2 / E |F|^2, of what the next layer makes of the neurons; 'output':
                E |out_a - out|^2 / E |out|^2, of the logits, against those to imitate; 'accuracy': the fall of the
                top-1 accuracy on the images, as a share of what it is with all of this layer's neurons.
        """
        if kind == "layer":
            return _share(self.gram.discrepancy(coefficients), float(self.gram.products.mean()))
        if kind == "output":
            return _share(self.output.discrepancy(coefficients), self._size)
        return max(0.0, 1 - _share(self._accuracy(coefficients), self._whole_accuracy))

    @cached_property
    def _size(self) -> float:
        """E |out|^2 of the logits to imitate."""
        return float(sum(target.double().square().sum() for target in self.output.targets)) / self.output.count

    @cached_property
    def _whole_accuracy(self) -> float:
        return self._accuracy(self.whole)

    def _accuracy(self, coefficients: Tensor) -> float:
        right = count = 0
        with self.output.at(coefficients), torch.no_grad():
            for rest, (_, labels) in zip(self.output.rests, self.batches, strict=True):
                right += int((rest().argmax(1) == labels).sum())
                count += len(labels)
        return right / count


def logits(net: nn.Module, images: Sequence[Tensor], state: Mapping[str, Tensor] | None = None) -> list[Tensor]:
    """A network's logits of batches of images, as it evaluates.

    Args:
        net: The network, left as it was.
        images: Batches, (B, C, H, W).
        state: Parameters and buffers by name in place of its own.
    """
    place = next(net.parameters()).device
    values = dict(net.state_dict() if state is None else {name: value.to(place) for name, value in state.items()})
    with undisturbed(net, "eval"), torch.no_grad():
        return [output(net, values, batch) for batch in images]


def _share(part: float, whole: float) -> float:
    """One as a share of the other; of nothing, nothing is none and anything is infinite."""
    return part / whole if whole > 0 else 0.0 if part <= 0 else float("inf")
