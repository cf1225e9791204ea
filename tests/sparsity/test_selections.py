"""Ways to choose neurons, against what they are defined by."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lth_lightning.models import CIFARResNet, LeNet300100
from lth_lightning.sparsity.neurons import (
    BatchNormScale,
    FilterNorm,
    ForwardSelection,
    GlobalImitation,
    GreedyImitation,
    Layer,
    LocalImitation,
    RandomNeurons,
    Selection,
    Stop,
    fold_,
    groups,
    logits,
)

GREEDY: list[Selection] = [LocalImitation(), GlobalImitation(), GreedyImitation()]
ALL: list[Selection] = [*GREEDY, ForwardSelection(), FilterNorm(), BatchNormScale(), RandomNeurons()]
SHAPE = (3, 8, 8)
SLOW = pytest.mark.slow


def layer(which: int = 1, width: float = 0.5) -> Layer:
    """A layer inside a block of a ResNet, as after training."""
    torch.manual_seed(0)
    net = CIFARResNet(8, width=width, num_classes=4).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
    batches = [(torch.randn(count, *SHAPE), torch.randint(0, 4, (count,))) for count in (16, 12)]
    return Layer(net, groups(net, SHAPE)[0][which], batches)


def folded(layer: Layer, coefficients: Tensor) -> list[Tensor]:
    """The logits of the network that coefficients leave."""
    state = {name: value.clone() for name, value in layer.net.state_dict().items()}
    fold_(layer.net, layer.group, coefficients)
    made = logits(layer.net, [images for images, _ in layer.batches])
    layer.net.load_state_dict(state)
    return made


@pytest.mark.parametrize("selection", ALL, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("width", [1, 3, pytest.param(5, marks=SLOW), pytest.param(16, marks=SLOW)])
def test_a_choice_keeps_to_its_width_and_is_the_same_each_time(selection: Selection, width: int) -> None:
    own = layer()
    before = {name: value.clone() for name, value in own.net.state_dict().items()}
    choice, again = (selection.choose(each, Stop(width)) for each in (own, layer()))
    assert torch.equal(choice.coefficients, again.coefficients)
    assert choice.met is None
    assert 1 <= len(choice.kept) <= width
    assert float(choice.coefficients.min()) >= 0
    if selection not in GREEDY:
        assert len(choice.kept) == width
    if not isinstance(selection, FilterNorm | BatchNormScale | RandomNeurons):  # these leave weights as they are
        assert float(choice.coefficients.sum()) == pytest.approx(1)
    after = own.net.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not own.net.training


def test_changes_are_shares_of_what_the_folded_network_loses() -> None:
    own = layer()
    a = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(own.group.count)))
    now, was = (torch.cat(each).double() for each in (folded(own, a), folded(own, own.whole)))
    assert own.changes(a, "output") == pytest.approx(float((now - was).square().sum() / was.square().sum()), rel=1e-4)
    labels = torch.cat([labels for _, labels in own.batches])
    right, before = (float((each.argmax(1) == labels).double().mean()) for each in (now, was))
    assert own.changes(a, "accuracy") == pytest.approx(max(0.0, 1 - right / before))
    for kind in ("layer", "output", "accuracy"):
        assert own.changes(own.whole, kind) == pytest.approx(0, abs=1e-9)
    assert own.changes(0 * a, "layer") == pytest.approx(1)


@pytest.mark.parametrize(
    ("layers", "widths"), [((0, 1), (2, 3)), pytest.param((0, 1, 2), (2, 4, 7), marks=SLOW)], ids=["few", "all"]
)
def test_the_better_of_two_is_the_one_that_changes_the_output_less(
    layers: tuple[int, ...], widths: tuple[int, ...]
) -> None:
    found = set()
    for which in layers:
        for width in widths:
            own = layer(which)
            both = [selection.choose(own, Stop(width)) for selection in GREEDY[:2]]
            better = min(both, key=lambda choice: own.changes(choice.coefficients, "output"))
            choice = GreedyImitation().choose(own, Stop(width))
            assert (choice.by, choice.kept) == (better.by, better.kept)
            found.add(choice.by)
    assert len(found) == 2, "neither is always the better one here"


@pytest.mark.parametrize("selection", ALL, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("of", ["layer", "output"])
@pytest.mark.parametrize("tolerance", [0.25, pytest.param(0.1, marks=SLOW)])
def test_a_tolerance_ends_at_the_first_step_that_meets_it(selection: Selection, of: str, tolerance: float) -> None:
    own = layer()
    stop = Stop(own.group.count, tolerance=tolerance, of=of)  # type: ignore[arg-type]
    choice = selection.choose(own, stop)
    if choice.met:
        assert own.changes(choice.coefficients, stop.of) <= tolerance
    earlier = selection if not isinstance(selection, GreedyImitation) else GREEDY[choice.by == "GlobalImitation"]
    for number, step in enumerate(earlier.steps(own, own.group.count), start=1):
        if number == choice.steps:
            break
        assert own.changes(step.coefficients, stop.of) > tolerance
    assert selection not in GREEDY or choice.met
    assert selection not in GREEDY or len(choice.kept) < own.group.count


def test_a_tolerance_that_cannot_be_met_leaves_the_best_that_was_reached() -> None:
    own = layer()
    choice = LocalImitation().choose(own, Stop(2, tolerance=1e-6, of="layer"))
    assert choice.met is False
    assert torch.equal(choice.coefficients, LocalImitation().choose(own, Stop(2)).coefficients)
    assert LocalImitation().choose(own, Stop(16, tolerance=1e-6, of="layer", steps=3)).steps == 3


def test_norms_and_scales_keep_the_largest_and_chance_has_a_seed() -> None:
    own = layer()
    weight, scale = (own.net.get_submodule(name or "").weight for name in (own.group.producer, own.group.norm))
    norms = weight.detach().abs().sum((1, 2, 3))
    assert FilterNorm().choose(own, Stop(3)).kept == sorted(norms.topk(3).indices.tolist())
    assert BatchNormScale().choose(own, Stop(3)).kept == sorted(scale.detach().topk(3).indices.tolist())
    draws = {tuple(RandomNeurons().reseeded(seed).choose(own, Stop(3)).kept) for seed in range(5)}
    assert len(draws) > 1
    assert ForwardSelection(candidates=2).reseeded(7) == ForwardSelection(candidates=2, seed=7)
    net = LeNet300100(inputs=16, width=0.1)
    with pytest.raises(ValueError, match="no batch norm with a scale to choose channels by"):
        BatchNormScale().check(Layer(net, groups(net, (1, 4, 4))[0][0], ()))


@pytest.mark.parametrize("width", [3, 9])
def test_a_line_search_on_a_quadratic_discrepancy_finds_the_exact_best_size(width: int) -> None:
    torch.manual_seed(0)
    net = LeNet300100(inputs=16, hidden=(9, 9)).double()
    own = Layer(net, groups(net, (1, 4, 4))[0][-1], [(torch.randn(20, 1, 4, 4).double(), torch.zeros(20))])
    steps = GlobalImitation().steps(own, width)
    a = next(steps).coefficients
    for _ in range(12):  # the layer's reader gives the output, so the discrepancy is that of the Gram matrix
        step = next(steps)
        if step.size == 0:
            break
        g, b, i = own.gram.products, own.gram.target, step.chosen
        d = torch.eye(9, dtype=torch.float64)[i] - a
        low = float(-a[i] / (1 - a[i])) if a[i] < 1 else 0.0
        exact = min(max(float((b - g @ a) @ d / (d @ g @ d)), low), 1.0)
        assert step.size == pytest.approx(exact, rel=0.06)
        a = step.coefficients
