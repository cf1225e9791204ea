"""Other ways to choose neurons, with which greedy imitation is compared."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..criteria.scoring import undisturbed
from ..seeds import generator
from .gram import Step, check_width
from .groups import Group
from .rest import Rest
from .scaling import scaling


def by_norm(net: nn.Module, group: Group) -> Tensor:
    """(N,) the L1 norm of each filter's weights, the larger the better (Li et al., 2017, arXiv:1608.08710)."""
    weight: Tensor = net.get_submodule(group.producer).weight  # type: ignore[assignment]
    return weight.detach().flatten(1).abs().sum(1).double()


def by_scale(net: nn.Module, group: Group) -> Tensor:
    """(N,) the size of batch norm's scale of each channel (network slimming, Liu et al., 2017, arXiv:1708.06519).

    Raises:
        ValueError: If the channels go through no batch norm that has a scale.
    """
    scale = None if group.norm is None else net.get_submodule(group.norm).weight
    if not isinstance(scale, Tensor):
        raise ValueError(
            f"{group.producer} has no batch norm with a scale to choose channels by: choose by_norm (FilterNorm)"
        )
    return scale.detach().abs().double()


def by_chance(group: Group, seed: int) -> Tensor:
    """(N,) random numbers, a function of the seed and the layer's name."""
    return torch.rand(group.count, dtype=torch.float64, generator=generator(f"neurons/{group.producer}", seed))


def best(scores: Tensor, width: int) -> Tensor:
    """(N,) the coefficients of the best-scored neurons as they are: 1 / N for these, 0 for the others.

    Args:
        scores: (N,), higher is better; of equals the first.
        width: How many to keep, 1 to N.

    Raises:
        ValueError: If the width is none of these.
    """
    return _alike(_first(scores, width), len(scores), 1 / len(scores))


def uniform(scores: Tensor, width: int) -> Tensor:
    """(N,) the same weight 1 / n for each of the n best-scored neurons: the mean of the layer's scale, as in sampling.

    `best` leaves them as they are, 1 / N, as filter pruning does; then an output gets smaller with its width.

    Args:
        scores: (N,), higher is better; of equals the first.
        width: n, 1 to N.

    Raises:
        ValueError: If the width is none of these.
    """
    return _alike(_first(scores, width), len(scores), 1 / width)


def forward_selection(
    net: nn.Module, group: Group, batches: Iterable[tuple[Tensor, Tensor]], candidates: int = 50, seed: int = 0
) -> Iterator[Step]:
    """The released code's greedy forward selection: step by step the neuron with which the labels' loss is least.

    A step looks at random neurons that are not chosen yet, on one batch of its own, and all chosen ones have the same
    weight. No line search, no removal (Ye et al., 2020, arXiv:2003.01794). It ends when all are chosen, or with the
    batches. A step's `discrepancy` is the mean cross-entropy on its batch.

    Args:
        net: The network, left as it was.
        group: The neurons.
        batches: (images, labels), one for each step.
        candidates: How many neurons to look at in a step.
        seed: Of which.
    """
    draws, chosen = generator(f"forward/{group.producer}", seed), list[int]()
    for images, labels in batches:
        left = [i for i in range(group.count) if i not in chosen]
        if not left:
            return
        tried = [left[i] for i in torch.randperm(len(left), generator=draws)[:candidates].tolist()]
        losses, rest = {}, Rest(net, group, images)
        with undisturbed(net, "eval"), torch.no_grad():
            for i in tried:
                with scaling(net, group, _mean([*chosen, i], group.count).to(images.device)):
                    losses[i] = float(cross_entropy(rest(), labels))
        best_one = min(tried, key=lambda i: (losses[i], i))
        chosen.append(best_one)
        yield Step(_mean(chosen, group.count), losses[best_one], best_one, 1 / len(chosen))


def _mean(kept: list[int], count: int) -> Tensor:
    """The same weight for each of these; in the simplex."""
    return _alike(torch.tensor(kept), count, 1 / len(kept))


def _first(scores: Tensor, width: int) -> Tensor:
    """The best-scored neurons, the best first."""
    check_width(width, len(scores))
    return scores.argsort(descending=True, stable=True)[:width]


def _alike(kept: Tensor, count: int, weight: float) -> Tensor:
    """The same weight for each of these, none for the others."""
    coefficients = torch.zeros(count, dtype=torch.float64, device=kept.device)
    coefficients[kept] = weight
    return coefficients
