"""Laws of every criterion and policy; a new one is found by its export."""

import inspect
import pickle
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lth_lightning.sparsity import (
    SET,
    AtInit,
    Clock,
    Criterion,
    Fixed,
    Gradual,
    Mask,
    Neurons,
    Now,
    Policy,
    Random,
    RigL,
    RigLInverted,
    Sample,
    Static,
    Uniform,
    count,
    criteria,
    generator,
    policies,
    prunable,
    prune,
)


def exported(module: Any, base: type) -> list[type]:
    """The concrete subclasses that a package exports."""
    members = [getattr(module, name) for name in module.__all__]
    return [
        each for each in members if inspect.isclass(each) and issubclass(each, base) and not inspect.isabstract(each)
    ]


def network() -> nn.Sequential:
    """What a score could stumble on: batch norm in both modes, a depthwise layer, dropout, a frozen bias."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 5),
            nn.Dropout(0.5),
            nn.Linear(5, 3),
        )
    net[4].eval()
    net[8].bias.requires_grad_(False)
    net[0].weight.grad = torch.ones_like(net[0].weight)
    return net


def batches() -> list[tuple[Tensor, Tensor]]:
    draws = generator("test", 0)
    return [(torch.randn(6, 2, 5, 5, generator=draws), torch.randint(0, 3, (6,), generator=draws)) for _ in range(3)]


def drawn(sample: Sample) -> list[tuple[Tensor, Tensor]]:
    """What a policy is given of training images."""
    return batches()


def pruned_network() -> tuple[nn.Sequential, Mask]:
    """A network of which a mask has left 60 %."""
    net = network()
    mask = prune(Random(3)(net, Mask.dense(prunable(net))), 0.6)
    mask.apply(prunable(net))
    return net, mask


def state(net: nn.Module) -> Iterator[object]:
    for name, tensor in net.state_dict(keep_vars=True).items():
        yield name, id(tensor), tensor.requires_grad, tensor.tolist(), tensor.dtype, tensor.stride()
        yield None if tensor.grad is None else tensor.grad.tolist()
    for module in net.modules():
        yield module.training, len(module._forward_hooks), len(module._backward_hooks), len(module._forward_pre_hooks)
        yield sorted(vars(module))
    yield torch.get_rng_state().tolist()
    yield torch.is_grad_enabled()


@pytest.fixture(params=exported(criteria, Criterion), ids=lambda kind: kind.__name__)
def criterion(request: pytest.FixtureRequest) -> Criterion:
    return request.param()


def test_every_criterion_scores_every_weight_of_the_mask_with_a_number(criterion: Criterion) -> None:
    net, mask = pruned_network()
    scores = criterion(net, mask, batches())
    assert list(scores) == list(mask) == ["0.weight", "3.weight", "8.weight", "10.weight"]
    for name, score in scores.items():
        assert score.shape == mask[name].shape
        assert score.is_floating_point()
        assert bool(score.isfinite().all()), name
        assert not score.requires_grad
    assert any(len(score.unique()) > 1 for score in scores.values())


def test_every_criterion_scores_only_what_the_mask_names(criterion: Criterion) -> None:
    net = network()
    part = Mask.dense(prunable(net, exclude=["10.weight"]))
    assert list(criterion(net, part, batches())) == ["0.weight", "3.weight", "8.weight"]


def test_every_criterion_is_deterministic(criterion: Criterion) -> None:
    net, mask = pruned_network()
    first = criterion(net, mask, batches())
    torch.manual_seed(12345)
    second = pickle.loads(pickle.dumps(criterion))(net, mask, batches())
    assert all(torch.equal(first[name], second[name]) for name in mask)


def test_every_criterion_leaves_the_network_and_the_random_state_as_they_were(criterion: Criterion) -> None:
    net, mask = pruned_network()
    before = list(state(net))
    scores = criterion(net, mask, batches())
    assert list(state(net)) == before
    for score in scores.values():
        score.fill_(7.0)
    assert list(state(net)) == before, "the scores are the network's own tensors"


def test_every_criterion_reseeded_is_the_same_for_the_same_replicate(criterion: Criterion) -> None:
    assert criterion.reseeded(1) == criterion.reseeded(1)
    assert (criterion.reseeded(1) != criterion.reseeded(2)) == hasattr(criterion, "seed")


# each policy with the number of weights that it starts with: a new policy needs a row
POLICIES: list[tuple[Policy, int]] = [
    (AtInit(0.3), count(0.3, 203)),
    (AtInit(0.3, Random(5), Uniform()), count(0.3, 203)),
    (AtInit(1.0), 203),
    (Fixed(pruned_network()[1]), count(0.6, 203)),
    (Static(AtInit(0.3, Random(5))), count(0.3, 203)),
    (SET(AtInit(0.3, Random(5))), count(0.3, 203)),
    (RigL(AtInit(0.3, Random(5))), count(0.3, 203)),
    (RigL(AtInit(0.3, Random(5)), variant="after_step"), count(0.3, 203)),
    (RigLInverted(AtInit(0.3, Random(5))), count(0.3, 203)),
    (Gradual(0.2), 203),
    (Gradual(0.2, initial_density=0.7), count(0.7, 203)),
    (Neurons(0.7), 203),
]


def test_every_policy_has_a_row() -> None:
    assert {type(policy) for policy, _ in POLICIES} == set(exported(policies, Policy))


@pytest.mark.parametrize(("policy", "kept"), POLICIES, ids=lambda value: type(value).__name__)
class TestEveryPolicy:
    def test_starts_with_exactly_its_density(self, policy: Policy, kept: int) -> None:
        net = network()
        mask = policy.start(net, Mask.dense(prunable(net)), drawn)
        assert list(mask) == list(prunable(net))
        assert mask.size == 203
        assert mask.kept == kept

    def test_is_deterministic_and_can_be_pickled(self, policy: Policy, kept: int) -> None:
        net = network()
        again = pickle.loads(pickle.dumps(policy))
        masks = [each.start(net, Mask.dense(prunable(net)), drawn) for each in (policy, again)]
        assert masks[0] == masks[1]

    def test_leaves_the_network_and_the_random_state_as_they_were(self, policy: Policy, kept: int) -> None:
        net = network()
        before = list(state(net))
        policy.start(net, Mask.dense(prunable(net)), drawn)
        assert list(state(net)) == before

    def test_moves_without_touching_the_network_to_a_mask_of_the_density_that_it_should_have(
        self, policy: Policy, kept: int
    ) -> None:
        if policy.changes_weights:
            pytest.skip("see test_neurons_policy.py")
        net, now = network(), Now(100, Clock(10, 200), 0.5, drawn)
        mask = policy.start(net, Mask.dense(prunable(net)), drawn)
        mask.apply(prunable(net))
        before = list(state(net))
        policy.check(Mask.dense(prunable(net)))
        policy.check_clock(now.clock)
        again = pickle.loads(pickle.dumps(policy))
        moved = [each.after(net, each.update(net, mask, now), now) for each in (policy, policy, again)]
        assert moved[0] == moved[1] == moved[2]
        assert list(state(net)) == before
        assert policy.due(now)
        assert (moved[0] != mask) == policy.moves
        if isinstance(policy, Gradual):
            half = policy.density + (policy.initial_density - policy.density) / 8
            assert moved[0].kept == count(half, 203)
        else:
            assert moved[0].layers() == mask.layers()

    def test_tried_it_moves_within_the_shortest_training(self, policy: Policy, kept: int) -> None:
        tried, clock = policy.tried(), Clock(1, 2)
        tried.check_clock(clock)
        assert not policy.moves or any(tried.due(Now(step, clock)) for step in (1, 2))


def test_a_random_policy_draws_another_mask_in_every_replicate() -> None:
    net = network()
    weights = Mask.dense(prunable(net))
    policy = AtInit(0.3, Random(5))
    assert policy.reseeded(1) == replace(policy, criterion=Random(5).reseeded(1))
    assert policy.reseeded(1).start(net, weights) != policy.reseeded(2).start(net, weights)


def test_every_policy_that_starts_or_grows_at_random_does_so_otherwise_in_every_replicate() -> None:
    net = network()
    weights = Mask.dense(prunable(net))
    for policy in (SET(AtInit(0.3, Random(5))), RigL(AtInit(0.3, Random(5))), Gradual(0.3, criterion=Random(5))):
        first, again, other = (policy.reseeded(seed) for seed in (1, 1, 2))
        assert first == again != other
        assert first.start(net, weights) == again.start(net, weights)
    one, other = (SET(Fixed(pruned_network()[1]), seed=5).reseeded(seed) for seed in (1, 2))
    mask, now = one.start(net, weights), Now(100, Clock(10, 200))
    assert one.after(net, mask, now) != other.after(net, mask, now)
    assert one.after(net, mask, now) != one.after(net, mask, now._replace(step=110)), "new draws at every step"
