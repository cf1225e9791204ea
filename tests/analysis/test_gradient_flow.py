"""The norm of the gradient: closed forms, sums of squares, and a network that is left as it was."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lth_lightning.analysis import gradient_norm
from lth_lightning.analysis.forward import joined
from lth_lightning.sparsity import Mask, Random, Uniform, prunable, prune

Examples = list[tuple[Tensor, Tensor]]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 9),
    cut=st.integers(1, 9),
    classes=st.integers(2, 5),
    kept=st.floats(0, 1),
)
def test_of_softmax_regression_it_is_that_of_residuals_times_inputs(
    seed: int, size: int, cut: int, classes: int, kept: float
) -> None:
    draws = torch.Generator().manual_seed(seed)
    net = nn.Linear(3, classes).double()
    mask = torch.rand(classes, 3, generator=draws) < kept
    with torch.no_grad():
        net.weight.copy_(torch.randn(classes, 3, generator=draws) * mask)
    images, labels = torch.randn(size, 3, generator=draws).double(), torch.randint(0, classes, (size,), generator=draws)
    batches = list(zip(images.split(cut), labels.split(cut), strict=True))
    found = gradient_norm(net, batches, {"weight": mask})
    logits = images @ net.weight.detach().T + net.bias.detach()
    residual = logits.exp() / logits.exp().sum(1, keepdim=True) - torch.eye(classes).double()[labels]
    weight, bias = residual.T @ images / size * mask, residual.mean(0)
    expected = {"weight": float(weight.square().sum()) ** 0.5, "bias": float(bias.square().sum()) ** 0.5}
    assert found.layers == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert found.total == pytest.approx(float(weight.square().sum() + bias.square().sum()) ** 0.5, rel=1e-9)


def sparse(net: nn.Module) -> Mask:
    dense = Mask.dense(prunable(net))
    mask = prune(Random(3)(net, dense), 0.4, Uniform(), dense)
    mask.apply(dict(net.named_parameters()))
    return mask


@pytest.mark.parametrize("batch_norm", ["running", "batch"])
def test_it_is_that_of_autograd_with_batch_norm_by_either_statistics(
    batch_norm: str, net: nn.Module, batches: Examples
) -> None:
    mask = sparse(net)
    net.train()
    with torch.no_grad():
        net(torch.cat([images for images, _ in batches]))  # running statistics that are not those of a batch
    found = gradient_norm(net, batches, mask, batch_norm)
    other = copy.deepcopy(net).eval()
    for module in other.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.train(batch_norm == "batch")
    total = sum(len(labels) for _, labels in batches)
    for images, labels in batches:
        (cross_entropy(other(images), labels) * len(labels) / total).backward()
    norms = {n: (p.grad * mask[n] if n in mask else p.grad).norm().item() for n, p in other.named_parameters()}
    assert found.layers == pytest.approx(norms, rel=1e-4, abs=1e-7)
    assert found.total**2 == pytest.approx(sum(norm**2 for norm in norms.values()), rel=1e-4)
    assert gradient_norm(net, batches, None, batch_norm).total > found.total, "pruned weights have gradients too"


def test_the_network_and_the_random_state_are_left_as_they_were(net: nn.Module, batches: Examples) -> None:
    net[1].eval()  # one norm is frozen, all else is in training mode
    cross_entropy(net(batches[0][0]), batches[0][1]).backward()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    grads = [parameter.grad.clone() for parameter in net.parameters()]
    modes, random = [module.training for module in net.modules()], torch.get_rng_state()
    with torch.no_grad():
        for batch_norm in ("running", "batch"):
            gradient_norm(net, batches, sparse(copy.deepcopy(net)), batch_norm)
        assert not torch.is_grad_enabled()
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert all(torch.equal(p.grad, grad) for p, grad in zip(net.parameters(), grads, strict=True))
    assert [module.training for module in net.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)


def test_what_is_not_trained_has_no_gradient_and_what_is_not_used_a_zero_one(batches: Examples) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    net.unused = nn.Parameter(torch.ones(2))
    net.forward = lambda images: net[1](net[0](images))  # type: ignore[method-assign]
    net[1].bias.requires_grad_(False)
    found = gradient_norm(net, batches)
    assert set(found.layers) == {"1.weight", "unused"}
    assert found.layers["unused"] == 0
    assert found.total == found.layers["1.weight"] > 0


def test_what_cannot_be_measured_is_a_sentence(net: nn.Module, batches: Examples) -> None:
    with pytest.raises(ValueError, match="no examples to take a gradient on: give at least one batch"):
        gradient_norm(net, [])
    with pytest.raises(ValueError, match=r"the mask names .net\.0\.weight., which is no parameter of the network"):
        gradient_norm(net, batches, {"net.0.weight": torch.ones(3, 1, 3, 3) > 0})
    with pytest.raises(ValueError, match="nothing of this network is trainable"):
        gradient_norm(net.requires_grad_(False), batches)


@pytest.mark.parametrize(("values", "sizes"), [(1, [8, 8, 6]), (16 * 14, [8, 14]), (16 * 16, [16, 6]), (10**6, [22])])
def test_batches_are_joined_as_far_as_they_have_room(values: int, sizes: list[int], batches: Examples) -> None:
    found = list(joined(batches, values))
    assert [len(labels) for _, labels in found] == sizes
    for part in (0, 1):
        assert torch.equal(torch.cat([each[part] for each in found]), torch.cat([each[part] for each in batches]))
