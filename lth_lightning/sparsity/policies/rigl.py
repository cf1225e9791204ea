"""RigL: sparse training that grows weights by the gradient."""

from dataclasses import dataclass, field, replace
from typing import Literal, Self, get_args

import torch
from torch import Tensor, nn

from ..allocation import Scores
from ..criteria.scoring import Batch, copies, gradients, part, summed, undisturbed
from ..mask import Mask
from ..sample import Draw, Sample, nothing
from .now import Now
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
        variant: Whether a move 'replaces_step' or comes 'after_step'.
        sample: The training images of 'after_step': with batches of 128 images about the published 1000.

    Raises:
        ValueError: If there is no such variant, or every step would be replaced.
    """

    variant: Variant = "replaces_step"
    sample: Sample = field(default_factory=lambda: Sample(per_class=None, batches=8))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in get_args(Variant):
            raise ValueError(f"a move of RigL's mask 'replaces_step' or comes 'after_step', not {self.variant!r}")
        if self.replaces_steps and self.every == "1it":
            raise ValueError(
                "every is 1it, so moves of the mask would replace every step: give 2it or more, or after_step"
            )

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

    def start(self, net: nn.Module, weights: Mask, draw: Draw = nothing) -> Mask:
        """The other policy's.

        Raises:
            ValueError: If there are no images to grow by, when there is time to say so.
        """
        if self.variant == "after_step" and next(iter(draw(self.sample)), None) is None:
            raise ValueError("RigL grows after_step by the loss on images, but was given none: give it training images")
        return super().start(net, weights, draw)

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
        return {
            name: torch.zeros_like(mask[name], dtype=torch.float) if g is None else g.abs() for name, g in found.items()
        }

    def _on_sample(self, net: nn.Module, mask: Mask, now: Now) -> dict[str, Tensor]:
        """The gradient of the mean cross-entropy over the sample, by w * m, and the L2 term."""
        with undisturbed(net, "train"):
            values = copies(net, mask)
            weights = [values[name].requires_grad_() for name in mask]
            count = torch.zeros((), device=weights[0].device)

            def weighted(batch: Batch, number: int) -> tuple[Tensor, ...]:
                images = len(batch[1])
                return *(each * images for each in gradients(net, values, weights, batch, number)), count + images

            batches = now.draw(self.sample)
            *total, images = summed([*weights, count], batches, weighted, part(batches))
        return {
            name: each / images + now.decay.get(name, 0.0) * values[name].detach()
            for name, each in zip(mask, total, strict=True)
        }

    def tried(self) -> Self:
        """At every second step, on one batch."""
        return replace(super().tried(), sample=replace(self.sample, batches=1))
