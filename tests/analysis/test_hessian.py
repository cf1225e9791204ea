"""The Hessian: against autograd's and closed forms; approximations against the exact spectrum."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from lth_lightning.analysis import approximate_spectrum, hessian, spectrum, top_eigenvalues
from lth_lightning.analysis.lanczos import quadrature
from lth_lightning.sparsity import Mask, Random, Uniform, prunable, prune

Examples = list[tuple[Tensor, Tensor]]


@pytest.fixture
def mask(net: nn.Module) -> Mask:
    """40 % of each layer's weights; the others are zero."""
    dense = Mask.dense(prunable(net))
    mask = prune(Random(3)(net, dense), 0.4, Uniform(), dense)
    mask.apply(dict(net.named_parameters()))
    return mask


def by_autograd(net: nn.Module, batches: Examples, mask: Mask) -> Tensor:
    """Of all parameters, by torch.autograd.functional, and then without the rows and columns of pruned weights."""
    net = net.double().eval()
    parameters = dict(net.named_parameters())
    images, labels = torch.cat([x for x, _ in batches]).double(), torch.cat([y for _, y in batches])

    def loss(flat: Tensor) -> Tensor:
        parts = torch.split(flat, [p.numel() for p in parameters.values()])
        state = {name: part.view_as(parameters[name]) for name, part in zip(parameters, parts, strict=True)}
        return cross_entropy(functional_call(net, state, (images,)), labels)

    whole = torch.autograd.functional.hessian(loss, torch.cat([p.detach().flatten() for p in parameters.values()]))
    free = torch.cat([mask[n].flatten() if n in mask else torch.ones(p.numel()) > 0 for n, p in parameters.items()])
    return whole[free][:, free]


def test_it_is_autograds_without_what_the_mask_prunes(net: nn.Module, batches: Examples, mask: Mask) -> None:
    found = hessian(net, batches, mask)
    expected = by_autograd(net, batches, mask)
    size = mask.kept + sum(p.numel() for n, p in net.named_parameters() if n not in mask)
    assert found.shape == (size, size)
    assert torch.equal(found, found.T)
    assert torch.allclose(found, expected, rtol=1e-6, atol=1e-9)
    values = np.linalg.eigvalsh(expected.numpy())
    exact = spectrum(net, batches, mask)
    assert np.allclose(exact.values, values, atol=1e-8)
    assert (exact.exact, exact.size, exact.weights.sum().item()) == (True, size, pytest.approx(1))
    assert exact.negative == pytest.approx((values < -1e-9).sum())
    assert 0 < exact.negative < size


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 6), cut=st.integers(1, 6), classes=st.integers(2, 4))
def test_of_softmax_regression_it_is_the_covariance_of_outputs_times_that_of_inputs(
    seed: int, size: int, cut: int, classes: int
) -> None:
    draws = torch.Generator().manual_seed(seed)
    net = nn.Linear(3, classes, bias=False).double()
    mask = torch.rand(classes, 3, generator=draws) < 0.7
    mask[0, 0] = True
    with torch.no_grad():
        net.weight.copy_(torch.randn(classes, 3, generator=draws) * mask)
    images, labels = torch.randn(size, 3, generator=draws).double(), torch.randint(0, classes, (size,), generator=draws)
    found = hessian(net, list(zip(images.split(cut), labels.split(cut), strict=True)), {"weight": mask})
    expected = torch.zeros(classes * 3, classes * 3).double()
    for image, p in zip(images, (images @ net.weight.detach().T).softmax(1), strict=True):
        expected += torch.kron(torch.diag(p) - torch.outer(p, p), torch.outer(image, image)) / size
    free = mask.flatten()
    assert torch.allclose(found, expected[free][:, free], atol=1e-12)
    assert spectrum(net, [(images, labels)], {"weight": mask}).negative == 0, "it is convex"


def test_the_largest_eigenvalues_and_the_smallest_are_those_of_the_whole(
    net: nn.Module, batches: Examples, mask: Mask
) -> None:
    exact = spectrum(net, batches, mask).values.tolist()
    top, lowest = top_eigenvalues(net, batches, mask, count=5)
    assert top == pytest.approx(exact[::-1][:5], rel=1e-6)
    assert lowest == pytest.approx(exact[0], rel=1e-6)
    assert top_eigenvalues(net, batches, mask, count=5) == (top, lowest), "the start has a seed"


def test_its_quadrature_has_the_moments_of_the_whole_spectrum(net: nn.Module, batches: Examples, mask: Mask) -> None:
    batches = [(torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches]))]
    exact = spectrum(net, batches, mask).values
    found = approximate_spectrum(net, batches, mask, steps=8, probes=20)
    assert found.size == len(exact)
    assert not found.exact
    assert found.weights.sum().item() == pytest.approx(1)
    for power in (1, 2, 3):
        mean = exact**power
        # of one probe of signs the variance is 2 (sum of squares off the diagonal of A^power) / P^2 at the most
        bound = 4 * (2 * mean.square().sum() / 20).sqrt() / len(exact)
        assert (found.weights @ found.values**power).item() == pytest.approx(mean.mean().item(), abs=bound.item())
    assert found.values[-1] == pytest.approx(exact[-1].item(), rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 12), steps=st.integers(1, 15), rank=st.integers(0, 12))
def test_a_quadrature_is_exact_for_polynomials_of_its_degree(seed: int, size: int, steps: int, rank: int) -> None:
    draws = torch.Generator().manual_seed(seed)
    half = torch.randn(size, rank, generator=draws).double()
    matrix = half @ torch.diag(torch.randn(rank, generator=draws).double()) @ half.T / size
    start = torch.randn(size, generator=draws).double()
    nodes, weights = quadrature(lambda vector: matrix @ vector, start, steps)
    assert weights.sum().item() == pytest.approx(1)
    assert len(nodes) <= min(steps, size)
    unit, scale = start / start.norm(), matrix.norm().item()
    power = unit
    for degree in range(1, 2 * steps):
        power = matrix @ power
        assert (weights @ nodes**degree).item() == pytest.approx(
            (unit @ power).item(), rel=1e-6, abs=1e-8 * scale**degree
        )


def test_the_network_and_the_random_state_are_left_as_they_were(net: nn.Module, batches: Examples, mask: Mask) -> None:
    net[1].eval()
    cross_entropy(net(batches[0][0]), batches[0][1]).backward()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    grads = [parameter.grad.clone() for parameter in net.parameters()]
    modes, random = [module.training for module in net.modules()], torch.get_rng_state()
    numbers = np.random.get_state()[1].copy()
    with torch.no_grad():
        spectrum(net, batches, mask)
        top_eigenvalues(net, batches, mask, 2)
        approximate_spectrum(net, batches, mask, 2, 1)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert all(torch.equal(p.grad, grad) for p, grad in zip(net.parameters(), grads, strict=True))
    assert [module.training for module in net.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)
    assert np.array_equal(np.random.get_state()[1], numbers)


def test_what_cannot_be_computed_is_a_sentence(net: nn.Module, batches: Examples, mask: Mask) -> None:
    with pytest.raises(ValueError, match=r"the Hessian over 68 coordinates is too large, 67 are the most: approximate"):
        spectrum(net, batches, mask, most=67)
    with pytest.raises(ValueError, match=r"count is 68: of 68 coordinates ask for 1 to 67 eigenvalues"):
        top_eigenvalues(net, batches, mask, count=68)
    with pytest.raises(ValueError, match="steps is 0 and probes 4: take at least one of each"):
        approximate_spectrum(net, batches, mask, steps=0)
    with pytest.raises(ValueError, match="no examples to take a Hessian on"):
        hessian(net, [])
    with pytest.raises(ValueError, match="nothing of this network is free"):
        hessian(net.requires_grad_(False), batches)
