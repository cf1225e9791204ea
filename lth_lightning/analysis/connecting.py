"""A curve of low loss between two networks, found by training its bend: `connect`."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .bent import Bent, Kind, shares
from .forward import Batches, logits, still
from .states import Weights, check_alike, combine_
from .statistics import batch_statistics

MOMENTUM = 0.9


def connect(
    net: nn.Module,
    one: Weights,
    other: Weights,
    batches: Batches,
    *,
    kind: Kind = "bezier",
    epochs: int = 5,
    lr: float = 0.03,
    seed: int = 0,
    masks: tuple[Weights | None, Weights | None] = (None, None),
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
) -> Bent:
    """Train the bend of a curve between two networks, so that the loss along it becomes low.

    From the midpoint of the two, the bend goes down the gradient of the expected loss, E[L(curve(t))] with t ~ U(0, 1),
    by SGD with momentum 0.9: a fresh t for each batch (Garipov et al., 2018, arXiv:1802.10026). The learning rate falls
    linearly, from epoch to epoch. Batch norm normalises by the batch at hand; dropout is off. On the network's device
    there are, beside the network itself, six times its parameters and no more: the two ends (none if given there), the
    bend, its momentum, the point of the curve at hand and the gradient there.

    Args:
        net: A network of the architecture; left as it was.
        one: Its state dictionary at one end.
        other: That at the other end.
        batches: (images, labels) of training; read once for each epoch.
        kind: Of the curve.
        epochs: How often.
        lr: The learning rate at first.
        seed: Of the draws of t; what it gives is then a function of the batches.
        masks: Of the two networks, weight name -> bool tensor; None for a dense one. A weight that neither keeps does
            not move: it is zero on the whole curve, as it is at both ends.
        loss: Of logits (B, K) and labels (B,), in the mean.

    Returns:
        The curve, of which the bend is a state dictionary on the network's device.

    Raises:
        ValueError: If there is no such kind of curve, there are no epochs or batches, the learning rate is not above
            zero, names or shapes differ, or the training diverges.
    """
    check_training(kind, epochs, lr)
    bend = _midpoint(net, one, other)
    names = dict(net.named_parameters())
    ends = [{name: state[name].detach().to(own) for name, own in names.items()} for state in (one, other)]
    kept = {name: mask.to(bend[name].device) for name, mask in _either(*masks).items()}
    point = {name: torch.empty_like(own).requires_grad_() for name, own in names.items()}
    optimizer = torch.optim.SGD([bend[name] for name in names], lr=lr, momentum=MOMENTUM, foreach=False)
    draws = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = lr * (1 - epoch / epochs)
        steps = 0
        for images, labels in batches:
            here = shares(kind, float(torch.rand((), generator=draws)))
            for name, own in point.items():
                combine_(own.detach(), [ends[0][name], bend[name], ends[1][name]], here)
            with still(net), batch_statistics(net), torch.enable_grad():
                scores = logits(net, images, point)
                loss(scores, labels.to(scores.device)).backward()  # type: ignore[no-untyped-call]
            for name, own in point.items():
                bend[name].grad, own.grad = _chained(own.grad, here[1], kept.get(name)), None
            optimizer.step()
            optimizer.zero_grad()
            steps += 1
        if not steps:
            raise ValueError("there are no batches to train the curve on: give a list, which can be read every epoch")
    if not all(bool(bend[name].isfinite().all()) for name in names):
        raise ValueError(f"the curve's training has diverged at a learning rate of {lr}: take a lower lr")
    return Bent(one, bend, other, kind)


def check_training(kind: Kind, epochs: int, lr: float) -> None:
    """Raise a ValueError unless a curve can be trained like this, see `connect`."""
    shares(kind, 0)
    if epochs < 1 or not lr > 0:
        raise ValueError(f"a curve is trained for at least 1 epoch by a rate above 0, not {epochs} epochs by {lr}")


def _midpoint(net: nn.Module, one: Weights, other: Weights) -> dict[str, Tensor]:
    """The state half way between two, in new memory; parameters that the network ties are tied in it too."""
    own = net.state_dict()
    for state in (one, other):
        check_alike(own, state, "an end of the curve")
    middle = {}
    for name, tensor in own.items():
        here, there = (state[name].detach().to(tensor) for state in (one, other))
        middle[name] = torch.lerp(here, there, 0.5) if tensor.is_floating_point() else here.clone()
    first = {id(parameter): name for name, parameter in net.named_parameters()}
    tied = {name: first[id(own)] for name, own in net.named_parameters(remove_duplicate=False)}
    return {name: middle[tied.get(name, name)] for name in middle}


def _either(one: Weights | None, other: Weights | None) -> dict[str, Tensor]:
    """What either of two masks keeps; nothing is said of weights of which a network is dense."""
    if one is None or other is None:
        return {}
    check_alike(one, other, "a mask")
    return {name: mask | other[name].to(mask.device) for name, mask in one.items()}


def _chained(gradient: Tensor | None, share: float, kept: Tensor | None) -> Tensor | None:
    """The gradient of the bend from that of a point which has this share of it, of what may move; in place."""
    if gradient is None:  # the network does not use this parameter
        return None
    gradient.mul_(share)
    return gradient if kept is None else gradient.mul_(kept)
