"""SNIP and GraSP against their definitions, a weight at a time, by finite differences in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lth_lightning.sparsity import SNIP, GraSP, Mask, generator, prunable, prune

Batch = tuple[Tensor, Tensor]
Loss = Callable[[nn.Module], Tensor]
H = 1e-5


def network() -> nn.Sequential:
    """Smooth, so that differences have a limit; a depthwise layer, batch norm that has seen other data, biases."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(2, 4, 2), nn.BatchNorm2d(4), nn.Tanh(), nn.Conv2d(4, 4, 2, groups=4), nn.Tanh(), nn.Flatten()
        )
        net.append(nn.Linear(4, 3)).double()
        for parameter in net.parameters():
            nn.init.normal_(parameter)
        net(torch.randn(20, 2, 3, 3).double())
    return net


def batches() -> list[Batch]:
    draws = generator("test", 0)
    sizes = (5, 8)  # an odd one, to be split into 2 and 3
    return [
        (torch.randn(n, 2, 3, 3, generator=draws).double(), torch.randint(0, 3, (n,), generator=draws)) for n in sizes
    ]


def masked(mask: Mask, mode: str) -> nn.Sequential:
    net = network().train(mode == "train")
    mask.apply(prunable(net))
    return net


def half(net: nn.Module) -> Mask:
    weights = prunable(net)
    return prune({name: torch.rand(w.shape, generator=generator(name, 1)) for name, w in weights.items()}, 0.5)


def slope(net: nn.Module, weight: Tensor, index: int, value: Callable[[nn.Module], Tensor]) -> Tensor:
    """The derivative of a value by one entry of a weight."""
    flat, found = weight.data.view(-1), []
    for change in (H, -H):
        before = float(flat[index])
        flat[index] += change
        found.append(value(net))
        flat[index] = before
    return (found[0] - found[1]) / (2 * H)


def total_loss(parts: list[Batch], temperature: float = 1.0) -> Loss:
    return lambda net: torch.stack([cross_entropy(net(images) / temperature, labels) for images, labels in parts]).sum()


def squared_norm(loss: Loss) -> Callable[[nn.Module], Tensor]:
    """|g|^2 over the weights of convolutions and linear layers, pruned ones included."""

    def value(net: nn.Module) -> Tensor:
        grads = torch.autograd.grad(loss(net), list(prunable(net).values()))
        return torch.stack([(grad**2).sum() for grad in grads]).sum()

    return value


def halves(given: list[Batch]) -> list[Batch]:
    return [
        part for x, y in given for part in ((x[: len(x) // 2], y[: len(x) // 2]), (x[len(x) // 2 :], y[len(x) // 2 :]))
    ]


def agree(scores: Tensor, expected: list[Tensor], kept: Tensor) -> None:
    wanted = torch.stack(expected).detach().view(scores.shape)[kept]
    assert wanted.abs().max() > 0
    torch.testing.assert_close(scores[kept], wanted, rtol=1e-5, atol=1e-7 * float(wanted.abs().max()))


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_snip_is_the_effect_on_the_loss_of_shrinking_a_weight(mode: str) -> None:
    mask = half(network())
    scores = SNIP(mode)(network(), mask, batches())  # type: ignore[arg-type]
    net = masked(mask, mode)
    for name, weight in prunable(net).items():
        slopes = [slope(net, weight, index, total_loss(batches())) for index in range(weight.numel())]
        expected = [(w * each).abs() for w, each in zip(weight.flatten(), slopes, strict=True)]
        agree(scores[name], expected, mask[name])


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("temperature", [1.0, 200.0])
def test_grasp_is_half_of_what_a_weight_adds_to_the_gradients_norm(mode: str, temperature: float) -> None:
    # d|g|^2/dw = 2 Hg: no second derivative is taken here. The weights that go first are those whose shrinking
    # raises the norm, as in the paper, where the highest -w * Hg are removed
    mask = half(network())
    scores = GraSP(temperature, mode)(network(), mask, batches())  # type: ignore[arg-type]
    net = masked(mask, mode)
    norm = squared_norm(total_loss(halves(batches()), temperature))
    for name, weight in prunable(net).items():
        slopes = [slope(net, weight, index, norm) for index in range(weight.numel())]
        expected = [w * each / 2 for w, each in zip(weight.flatten(), slopes, strict=True)]
        agree(scores[name], expected, mask[name])


def test_grasp_normalises_each_half_of_a_batch_by_itself() -> None:
    mask, (first, second) = half(network()), batches()
    split = GraSP()(network(), mask, [first, second])
    quarters = GraSP()(network(), mask, halves([first, second]))
    assert not torch.allclose(split["0.weight"], quarters["0.weight"])
    together = (torch.cat([second[0], second[0]]), torch.cat([second[1], second[1]]))  # halves: the batch, twice
    twice = GraSP(mode="eval")(network(), mask, [together])
    once = GraSP(mode="eval")(network(), mask, [(part[0][None], part[1][None]) for part in zip(*second, strict=True)])
    for name in mask:  # in mode eval the mean over 8 images is 1/8 of the sum over 8 batches of one
        assert torch.allclose(twice[name] / 4, once[name] / 64, rtol=1e-9, atol=1e-18)


def test_grasp_with_linear_layers_drawn_anew_does_not_see_the_networks_own() -> None:
    mask, net, other = half(network()), network(), network()
    other[6].weight.data.normal_(generator=generator("test", 4))
    scores, same = (GraSP(linear="xavier")(each, mask, batches()) for each in (net, other))
    assert all(torch.equal(same[name], scores[name]) for name in mask)
    for different in (GraSP(), GraSP(linear="xavier", seed=1), GraSP(linear="xavier").reseeded(0)):
        assert not any(torch.allclose(score, scores[name]) for name, score in different(net, mask, batches()).items())


def test_what_grasp_draws_has_xaviers_deviation() -> None:
    # it is not shown, but the scores of a linear layer follow it: those of a layer drawn here are as large
    net = nn.Sequential(nn.Flatten(), nn.Linear(400, 100, bias=False)).double()
    mask = Mask.dense(prunable(net))
    x = (torch.eye(400).double(), torch.arange(400) % 100)
    drawn = GraSP(linear="xavier")(net, mask, [x])["1.weight"]
    assert drawn.isfinite().all()
    with torch.no_grad():
        net[1].weight.normal_(std=(2 / 500) ** 0.5, generator=generator("test", 5))
    own = GraSP()(net, mask, [x])["1.weight"]
    assert float(drawn.std() / own.std()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match=f"must be above 0, not {temperature}"):
        GraSP(temperature)


def test_an_unknown_kind_of_linear_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="'own' or 'xavier', not 'kaiming'"):
        GraSP(linear="kaiming")  # type: ignore[arg-type]
