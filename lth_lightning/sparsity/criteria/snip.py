"""SNIP."""

from dataclasses import dataclass
from functools import partial

from torch import nn

from ..allocation import Scores
from ..mask import Mask
from ..sample import Batches
from .base import Criterion
from .scoring import Mode, check_mode, copies, gradients, part, summed, undisturbed


@dataclass(frozen=True)
class SNIP(Criterion):
    """The effect |w * dL/dw| on the loss of removing a weight (Lee et al., 2019, arXiv:1810.02340).

    L is the cross-entropy, its gradient summed over the batches. Only the kept weights act, so that it can be used
    again and again under the mask so far (iterative SNIP).

    Args:
        mode: Whether batch norm normalises by the batch's statistics ('train', as published) or by its running ones.

    Raises:
        ValueError: For another mode.
    """

    mode: Mode = "train"

    def __post_init__(self) -> None:
        check_mode(self.mode)

    def __call__(self, net: nn.Module, mask: Mask, batches: Batches) -> Scores:
        """Score the weights by |w * dL/dw|.

        Raises:
            ValueError: If there are no batches.
        """
        with undisturbed(net, self.mode):
            values = copies(net, mask)
            weights = [values[name].requires_grad_() for name in mask]
            each = partial(gradients, net, values, weights)
            total = summed(weights, batches, each, part(batches))
        return {name: (values[name].detach() * grad).abs() for name, grad in zip(mask, total, strict=True)}
