"""Other ways to choose neurons, with which greedy imitation is compared."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..criteria.scoring import undisturbed
from ..seeds import generator
from .gram import Step, check_width
from .groups import Group
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
    check_width(width, len(scores))
    order = scores.argsort(descending=True, stable=True)
    coefficients = torch.zeros(len(scores), dtype=torch.float64, device=scores.device)
    coefficients[order[:width]] = 1 / len(scores)
    return coefficients


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
        losses = {}
        with undisturbed(net, "eval"), torch.no_grad():
            for i in tried:
                with scaling(net, group, _uniform([*chosen, i], group.count).to(images.device)):
                    losses[i] = float(cross_entropy(net(images), labels))
        best_one = min(tried, key=lambda i: (losses[i], i))
        chosen.append(best_one)
        yield Step(_uniform(chosen, group.count), losses[best_one], best_one, 1 / len(chosen))


def _uniform(kept: list[int], count: int) -> Tensor:
    """The same weight for each of these; in the simplex."""
    coefficients = torch.zeros(count, dtype=torch.float64)
    coefficients[kept] = 1 / len(kept)
    return coefficients
