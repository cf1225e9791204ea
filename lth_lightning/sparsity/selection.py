"""The one selection routine: `prune`."""

import torch
from torch import nn

from .allocation import Allocation, Global, Scores, largest
from .criteria import Criterion
from .mask import Mask
from .sample import Batches


def prune(scores: Scores, density: float, allocation: Allocation | None = None, within: Mask | None = None) -> Mask:
    """Keep the best-scored weights, exactly as many as the density asks for.

    Args:
        scores: Weight name -> score per weight; higher is kept, equal scores are kept in the order of their index.
        density: Share of all prunable weights to keep, in (0, 1]. All means the size of `within`, whatever it keeps:
            0.8 ** 3 is the third round at 20 % a round.
        allocation: How the density is divided over the layers; `Global` by default.
        within: What may be kept; weights outside it are not ranked at all. Everything by default.

    Returns:
        The mask, with density `floor(density * N + 1/2) / N`.

    Raises:
        ValueError: If a score that is ranked is not a finite number, a name or shape differs from `within`, or the
            density cannot be met.

    Example:
        >>> prune({"w": torch.tensor([3.0, 1.0, 2.0, 2.0])}, 0.5)["w"]
        tensor([ True, False,  True, False])
    """
    within = Mask.dense(scores) if within is None else within
    within.check(scores)
    for name in within:
        if not (scores[name].isfinite() | ~within[name].to(scores[name].device)).all():
            raise ValueError(
                f"the scores of {name} are not all finite numbers: the criterion overflows, or training has diverged; "
                "choose another criterion, or lower the learning rate"
            )
    budgets = (allocation or Global())(scores, density, within)
    kept = {}
    for name, allowed in within.items():
        ranked = scores[name].to(allowed.device).flatten()[allowed.flatten()]
        kept[name] = torch.zeros_like(allowed).masked_scatter_(allowed, largest(ranked, budgets[name]))
    return Mask(kept)


def prune_in_steps(
    net: nn.Module,
    density: float,
    criterion: Criterion,
    allocation: Allocation,
    batches: Batches,
    within: Mask,
    steps: int = 1,
) -> Mask:
    """Prune a network in exponential steps, each scored under the mask of the one before.

    Step k of n leaves the density d0 * (density / d0) ** (k / n), d0 being that of `within` (Tanaka et al., 2020,
    arXiv:2006.05467, algorithm 1).

    Args:
        net: The network whose weights are scored.
        density: Share of all prunable weights to keep at the end.
        criterion: What makes a weight worth keeping.
        allocation: How each density is divided over the layers.
        batches: (images, labels) for criteria that look at data; read anew at every step.
        within: What may be kept.
        steps: Number of steps.

    Raises:
        ValueError: If there is no step, or `prune` finds a density or a score impossible.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}: a network is pruned in at least one step")
    mask, begun = within, within.density
    for step in range(1, steps + 1):
        last = step == steps or density > begun  # the latter is for `prune` to refuse, naming the density asked for
        target = density if last else begun * (density / begun) ** (step / steps)
        mask = prune(criterion(net, mask, batches), target, allocation, within=mask)
    return mask
