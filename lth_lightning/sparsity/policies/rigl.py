"""RigL: sparse training that grows weights by the gradient."""

from dataclasses import dataclass, field, replace
from typing import Literal, Self, get_args

import torch
from torch import Tensor, nn

from ..allocation import Scores
from ..criteria.scoring import copies, gradients, undisturbed
from ..mask import Mask
from ..sample import Sample
from .base import Now
from .regrowing import Regrowing

Variant = Literal["replaces_step", "after_step"]


@dataclass(frozen=True)
class RigL(Regrowing):
    """Drops the smallest weights, grows those of the largest gradient (Evci et al., 2020, arXiv:1911.11134).

    There are two published variants.

    - 'replaces_step' (the paper's and its TF1 code): at a moment of the timetable, beginning with step 0, the gradient
      of that step's own batch moves the mask, and the optimizer's step is left out: weights, momentum and the
      optimizer's own counts stay; the learning-rate schedule goes on. Costs no further gradient.
    - 'after_step' (the TF2 code of Evci et al., 2022, arXiv:2010.03533): the mask moves after the optimizer's step, by
      the gradient on training images that are the same each time. The optimizer's L2 term is part of that gradient,
      unless it is decoupled, as AdamW's. Annealing is `LikeLearningRate` there.

    Args:
        initial: Gives the mask to start with, such as `AtInit` with random scores and the allocation ERK.
        every: How often the mask moves, such as '100it' or '1ep'.
        begin: The moment from which it moves.
        end: The last moment at which it may.
        fraction: Share of each layer's kept weights that is exchanged at first.
        annealing: How that share falls: `Cosine`, `Constant`, `LikeLearningRate`.
        variant: Whether a move 'replaces_step' or comes 'after_step'.
        sample: The training images of 'after_step': with batches of 128 images about the published 1000.

    Raises:
        ValueError: If a moment is misspelt, the end is before the beginning, `fraction` is outside [0, 1], or there is
            no such variant.
    """

    variant: Variant = "replaces_step"
    sample: Sample = field(default_factory=lambda: Sample(per_class=None, batches=8))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in get_args(Variant):
            raise ValueError(f"a move of RigL's mask 'replaces_step' or comes 'after_step', not {self.variant!r}")

    @property
    def moves_before(self) -> bool:
        """Whether that is the variant."""
        return self.variant == "replaces_step"

    @property
    def moves_after(self) -> bool:
        """Whether that is the variant."""
        return self.variant == "after_step"

    @property
    def replaces_steps(self) -> bool:
        """Whether that is the variant."""
        return self.variant == "replaces_step"

    @property
    def reads_gradients(self) -> bool:
        """It does."""
        return True

    def update(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        """Exchange weights, by the gradients that are there."""
        return self.moved(net, mask, now)

    def after(self, net: nn.Module, mask: Mask, now: Now) -> Mask:
        """Exchange weights, by the gradients on the sample."""
        return self.moved(net, mask, now)

    def growth(self, net: nn.Module, mask: Mask, now: Now) -> Scores:
        """The absolute value of the gradient; zero for a weight without one."""
        if self.variant == "after_step":
            return {name: gradient.abs() for name, gradient in self._on_sample(net, mask, now).items()}
        found = {name: net.get_parameter(name).grad for name in mask}
        return {name: torch.zeros_like(mask[name], dtype=torch.float) if g is None else g.abs() for name, g in found.items()}

    def _on_sample(self, net: nn.Module, mask: Mask, now: Now) -> dict[str, Tensor]:
        """The gradient of the mean cross-entropy over the sample, by w * m, and the L2 term."""
        with undisturbed(net, "train"):
            values = copies(net, mask)
            weights = [values[name].requires_grad_() for name in mask]
            total = [torch.zeros_like(weight) for weight in weights]
            images = 0
            for number, batch in enumerate(now.draw(self.sample)):
                torch._foreach_add_(total, gradients(net, values, weights, batch, number), alpha=len(batch[1]))
                images += len(batch[1])
        if not images:
            raise ValueError("RigL grows after_step by the loss on images, but was given none: give fit a data module")
        return {
            name: each / images + now.decay.get(name, 0.0) * values[name].detach()
            for name, each in zip(mask, total, strict=True)
        }

    def tried(self) -> Self:
        """At every step, on one batch."""
        return replace(super().tried(), sample=replace(self.sample, batches=1))


@dataclass(frozen=True)
class RigLInverted(RigL):
    """RigL that grows the weights of the smallest gradient: its control (Evci et al., 2022, arXiv:2010.03533).

    Args:
        initial: Gives the mask to start with, such as `AtInit` with random scores and the allocation ERK.
        every: How often the mask moves, such as '100it' or '1ep'.
        begin: The moment from which it moves.
        end: The last moment at which it may.
        fraction: Share of each layer's kept weights that is exchanged at first.
        annealing: How that share falls: `Cosine`, `Constant`, `LikeLearningRate`.
        variant: Whether a move 'replaces_step' or comes 'after_step', as in `RigL`.
        sample: The training images of 'after_step'.
    """

    def growth(self, net: nn.Module, mask: Mask, now: Now) -> Scores:
        """The absolute value of the gradient, negative."""
        return {name: -score for name, score in super().growth(net, mask, now).items()}
