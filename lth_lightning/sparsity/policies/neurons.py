"""Structured pruning: neurons are taken out of a trained network, layer after layer, while it is fine-tuned."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, Self
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..allocation import check_density
from ..mask import Mask
from ..moments import Clock
from ..neurons.channels import maskable, thinned, widths
from ..neurons.greedy import GreedyImitation
from ..neurons.groups import ADDED, Group, groups
from ..neurons.layer import Kind, Layer, logits
from ..neurons.selection import Choice, Selection, Stop
from ..neurons.slimming import fold_
from ..sample import Draw, Sample, nothing
from .base import Policy
from .now import Now

_FOUND: WeakKeyDictionary[nn.Module, list[Group]] = WeakKeyDictionary()  # the graph of a network takes time to read


@dataclass(frozen=True)
class Neurons(Policy):
    """Take neurons out, layer by layer from input to output (Ye et al., 2020, arXiv:2010.15969).

    The layers whose neurons can be taken out (made by one layer, read by one other) are pruned at equal distances over
    the training, each with the earlier ones already pruned, and fine-tuned until the next: with L of them, the k-th
    after k / (L + 1) of all steps (of a training with fewer steps, several at once). The coefficients are folded into
    the layer that reads the neurons, so that nothing is added to the network; the mask is of whole neurons. Other
    layers are left alone.

    Args:
        density: Share of the prunable weights to keep at most, in (0, 1]: the same share of every layer's neurons, so
            that this many weights are left. A layer that meets the tolerance earlier keeps fewer.
        selection: How neurons are chosen.
        sample: The training images they are chosen by.
        tolerance: How much a layer's pruning may change what `tolerance_of` names, as a share; none for the density
            alone. The released code stops where the accuracy has fallen by 0.02.
        tolerance_of: 'layer' (E |f_a - F|^2 / E |F|^2), 'output' (the same of the logits) or 'accuracy' (top-1 on the
            sample, against that with all of this layer's neurons).
        steps: The most greedy steps in a layer; none for as many as bring it on.
        imitated: Checkpoint of the network whose output is imitated; none for the network as it is before each layer.

    Raises:
        ValueError: If the density is outside (0, 1], the tolerance negative, or `steps` below 1.
    """

    density: float
    selection: Selection = field(default_factory=GreedyImitation)
    sample: Sample = field(default_factory=lambda: Sample(per_class=None, batches=4))
    tolerance: float | None = None
    tolerance_of: Kind = "output"
    steps: int | None = None
    imitated: str | None = None

    def __post_init__(self) -> None:
        check_density(self.density)
        if self.tolerance is not None and not self.tolerance >= 0:
            raise ValueError(f"tolerance is {self.tolerance}: give a share of 0 or more, such as 0.02, or leave it out")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps is {self.steps}: give 1 or more, or leave it out")

    @property
    def reads_data(self) -> bool:
        """Not to start with."""
        return False

    @property
    def reads_weights(self) -> bool:
        """Not to start with."""
        return False

    @property
    def changes_weights(self) -> bool:
        """Folding does."""
        return True

    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        """All weights."""
        return weights

    def check_net(self, net: nn.Module, weights: Mask, shape: Sequence[int], clock: Clock) -> None:
        """There are layers to take neurons out of, the density is in reach, and the training has an end."""
        found = self._found(net, weights, shape)
        widths(weights, found, self.density)
        for group in found:
            self.selection.check(Layer(net, group, ()))
        if not isfinite(clock.total):
            raise ValueError("layers are pruned at equal distances over a training: give it max_epochs or max_steps")

    def leaves_alone(self, net: nn.Module, weights: Mask, shape: Sequence[int]) -> list[str]:
        """The layers that are left alone, and why, as lines."""
        found, left = groups(net, shape)
        added = [name for name, why in left.items() if why.startswith(ADDED)]
        others = {name: why for name, why in left.items() if name not in added} | maskable(found, weights)[1]
        line = [f"left alone, as channels of one are added to those of another: {', '.join(added)}"] if added else []
        return line + [f"left alone: {name} ({why})" for name, why in others.items()]

    def after(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        """Prune the layers whose turn it is."""
        if net not in _FOUND:
            shape = now.shape or next(iter(now.draw(self.sample)))[0].shape[1:]
            _FOUND[net] = self._found(net, mask, shape)
        found, total = _FOUND[net], now.clock.total
        turns = {group: max(1, round(number * total / (len(found) + 1))) for number, group in enumerate(found, start=1)}
        if now.step in turns.values():
            asked = widths(Mask.dense(mask), found, self.density)
            for group in (group for group, step in turns.items() if step == now.step):
                mask = self._pruned(net, mask, now, group, asked[group.producer])
        return mask

    def at(self, density: float) -> Self:
        """With another density."""
        return replace(self, density=density)

    def reseeded(self, seed: int) -> Self:
        """With the selection's draws for this replicate."""
        return replace(self, selection=self.selection.reseeded(seed))

    def imitating(self, trained: Path) -> Self:
        """Imitating the output of the network of a checkpoint, unless another one is asked for."""
        return self if self.imitated else replace(self, imitated=str(trained))

    def tried(self) -> Self:
        """With one batch, and few steps."""
        return replace(self, sample=Sample(per_class=None, batches=1), steps=min(self.steps or 3, 3))

    def _found(self, net: nn.Module, weights: Mask, shape: Sequence[int]) -> list[Group]:
        found, left = groups(net, shape)
        found, others = maskable(found, weights)
        if not found:
            told = "; ".join(f"{name}: {why}" for name, why in {**left, **others}.items())
            raise ValueError(f"no layer of {type(net).__name__} has neurons that could be taken out ({told})")
        return found

    def _pruned(self, net: nn.Module, mask: Mask, now: Now, group: Group, width: int) -> Mask:
        place = next(net.parameters()).device
        batches = [(images.to(place), labels.to(place)) for images, labels in now.draw(self.sample)]
        layer = Layer(net, group, batches, self._targets(net, [images for images, _ in batches]))
        choice = self.selection.choose(layer, Stop(width, self.tolerance, self.tolerance_of, self.steps))
        now.note(self._told(layer, choice))
        if len(choice.kept) < group.count:
            fold_(net, group, choice.coefficients)
        return thinned(mask, [group], {group.producer: choice.kept})

    def _targets(self, net: nn.Module, images: Sequence[Tensor]) -> list[Tensor]:
        if self.imitated is None:
            return logits(net, images)
        state = torch.load(self.imitated, map_location="cpu", weights_only=True)["state_dict"]
        return logits(net, images, state)

    def _told(self, layer: Layer, choice: Choice) -> dict[str, Any]:
        a = choice.coefficients
        return {
            "layer": layer.group.producer,
            "neurons": layer.group.count,
            "kept": len(choice.kept),
            "by": choice.by,
            "greedy_steps": choice.steps,
            "layer_change": layer.changes(a, "layer"),
            "output_change": layer.changes(a, "output"),
            "accuracy_fall": layer.changes(a, "accuracy"),
            **({} if choice.met is None else {"tolerance_met": choice.met}),
        }
