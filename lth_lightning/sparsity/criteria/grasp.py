"""GraSP."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt
from typing import Literal, Self

import torch
from torch import Tensor, nn

from ..allocation import Scores
from ..mask import Mask
from ..sample import Batches
from ..seeds import generator, mix
from .base import Criterion
from .scoring import Batch, Mode, check_mode, copies, gradients, part, summed, undisturbed


@dataclass(frozen=True)
class GraSP(Criterion):
    """Gradient signal preservation: w * Hg (Wang et al., 2020, arXiv:2002.07376).

    g is the gradient and H the Hessian of the cross-entropy by the weights of the mask. Shrinking a weight by a share e
    of itself changes |g|^2 by -2e * w * Hg. The paper's score is -w * Hg, of which the *highest* are removed; here the
    best-scored weights are kept, so the score is w * Hg, without a minus, and the most negative are the first to go.

    As in the released code the logits are divided by a temperature, and every batch is split into two halves whose
    losses are summed: H is applied a half at a time, and batch norm normalises each half by itself.

    Args:
        temperature: What the logits are divided by, above 0; 200 in the paper.
        mode: Whether batch norm normalises by the half batch's statistics ('train', as published) or its running ones.
        linear: Whether linear layers are scored as they are ('own') or, as in the released code, with weights drawn
            anew from Xavier's normal distribution ('xavier'); the network itself keeps its own.
        seed: Names what 'xavier' draws.

    Raises:
        ValueError: For a temperature, mode or kind of linear layers that there is not.
    """

    temperature: float = 200.0
    mode: Mode = "train"
    linear: Literal["own", "xavier"] = "own"
    seed: int = 0

    def __post_init__(self) -> None:
        check_mode(self.mode)
        if not self.temperature > 0:
            raise ValueError(f"temperature divides the logits and must be above 0, not {self.temperature}")
        if self.linear not in ("own", "xavier"):
            raise ValueError(f"linear layers are scored with weights that are 'own' or 'xavier', not {self.linear!r}")

    def __call__(self, net: nn.Module, mask: Mask, batches: Batches) -> Scores:
        """Score the weights by w * Hg.

        Raises:
            ValueError: If there are no batches.
        """
        halves = [half for images, labels in batches for half in _halves(images, labels)]
        with undisturbed(net, self.mode):
            values = copies(net, mask)
            if self.linear == "xavier":
                self._draw_linear(net, mask, values)
            weights = [values[name].requires_grad_() for name in mask]
            each = partial(gradients, net, values, weights, temperature=self.temperature)
            total = summed(weights, halves, each, part(batches))

            def changed(half: Batch, number: int) -> tuple[Tensor, ...]:
                grads = each(half, number, differentiable=True)
                inner = torch.stack([(g * grad).sum() for g, grad in zip(total, grads, strict=True)]).sum()
                return torch.autograd.grad(inner, weights, allow_unused=True, materialize_grads=True)

            product = summed(weights, halves, changed, part(batches))
        return {name: values[name].detach() * each for name, each in zip(mask, product, strict=True)}

    def reseeded(self, seed: int) -> Self:
        """The same criterion with draws of its own for this replicate."""
        return replace(self, seed=mix("replicate", self.seed, seed))

    def _draw_linear(self, net: nn.Module, mask: Mask, values: dict[str, Tensor]) -> None:
        """Put weights of variance 2 / (inputs + outputs) in place of those of linear layers."""
        draws = generator("linear layers of GraSP", self.seed)
        for prefix, module in net.named_modules():
            name = f"{prefix}.weight".lstrip(".")
            if isinstance(module, nn.Linear) and name in values:
                drawn = torch.randn(module.weight.shape, generator=draws) * sqrt(2 / sum(module.weight.shape))
                values[name] = drawn.to(values[name])
                if name in mask:
                    values[name].masked_fill_(~mask[name].to(values[name].device), 0)


def _halves(images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    middle = len(images) // 2
    for half in (slice(None, middle), slice(middle, None)):
        if len(images[half]):
            yield images[half], labels[half]
