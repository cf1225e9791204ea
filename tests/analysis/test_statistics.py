import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lth_lightning.analysis import batch_statistics, estimate_, evaluate, outputs

State = dict[str, Tensor]
States = Callable[[int], State]
Examples = list[tuple[Tensor, Tensor]]


def copied(net: nn.Module) -> State:
    return {name: value.clone() for name, value in net.state_dict().items()}


def of_conv(net: nn.Module, images: Tensor) -> Tensor:
    """What the first norm sees, by channel; (3, values)."""
    return net[0](images).detach().transpose(0, 1).flatten(1)


def test_the_mean_over_all_examples_is_estimated_and_the_variance_within_batches(
    net: nn.Module, batches: Examples
) -> None:
    estimate_(net, batches)  # of 8, 8 and 6 examples
    all_values = of_conv(net, torch.cat([images for images, _ in batches]))
    torch.testing.assert_close(net[1].running_mean, all_values.mean(1))
    variances = [of_conv(net, images).var(1) * len(images) for images, _ in batches]
    torch.testing.assert_close(net[1].running_var, torch.stack(variances).sum(0) / 22)


def test_of_one_batch_the_statistics_are_those_of_its_values(net: nn.Module, batches: Examples) -> None:
    whole = torch.cat([images for images, _ in batches])
    estimate_(net, [(whole, torch.zeros(22))])
    torch.testing.assert_close(net[1].running_mean, of_conv(net, whole).mean(1))
    torch.testing.assert_close(net[1].running_var, of_conv(net, whole).var(1))


def test_of_equal_batches_the_statistics_are_torchs_cumulative_mean_at_every_depth(
    net: nn.Module, state: States, batches: Examples
) -> None:
    net[4].p = 0.0  # in mode train dropout would act
    net.load_state_dict(state(0))
    estimate_(net, batches[:2])
    found = copied(net)
    for norm in (net[1], net[6]):
        norm.reset_running_stats()
        norm.momentum = None
    net.train()
    for images, _ in batches[:2]:
        net(images)
    for name in ("1.running_mean", "1.running_var", "6.running_mean", "6.running_var"):
        torch.testing.assert_close(found[name], net.get_buffer(name))


def test_what_the_statistics_were_before_leaves_no_trace(net: nn.Module, state: States, batches: Examples) -> None:
    net.load_state_dict(state(0))
    estimate_(net, batches)
    first = copied(net)
    net[1].running_mean.fill_(math.nan)
    net[6].running_var.fill_(math.inf)
    estimate_(net, batches)
    assert all(torch.equal(value, first[name]) for name, value in net.state_dict().items())


def test_nothing_but_the_running_statistics_changes(net: nn.Module, state: States, batches: Examples) -> None:
    net.load_state_dict(state(0))
    net.train()
    net[4].eval()
    net[6].eval()
    net[1].momentum, net[6].momentum = 0.3, None
    modes = [module.training for module in net.modules()]
    before, random = copied(net), torch.get_rng_state()
    estimate_(net, batches)
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"1.running_mean", "1.running_var", "6.running_mean", "6.running_var"}
    assert [module.training for module in net.modules()] == modes
    assert (net[1].momentum, net[6].momentum) == (0.3, None)
    assert torch.equal(torch.get_rng_state(), random)  # dropout is off
    assert all(parameter.grad is None for parameter in net.parameters())
    estimated = copied(net)
    net.eval()
    net(batches[0][0])  # nothing of the estimation is left behind
    assert all(torch.equal(value, estimated[name]) for name, value in net.state_dict().items())


def test_a_norm_used_twice_gets_the_mean_over_both_uses() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(2)
            self.shift = nn.Parameter(torch.tensor(6.0))

        def forward(self, images: Tensor) -> Tensor:
            self.norm(images)
            return self.norm(images + self.shift)

    net, images = Twice(), torch.randn(5, 2)
    estimate_(net, [(images, torch.zeros(5))])
    torch.testing.assert_close(net.norm.running_mean, images.mean(0) + 3)
    torch.testing.assert_close(net.norm.running_var, images.var(0))


def test_estimating_on_no_batches_is_refused_and_changes_nothing(net: nn.Module, state: States) -> None:
    net.load_state_dict(state(0))
    with pytest.raises(ValueError, match="no batches to estimate"):
        estimate_(net, [])
    assert all(torch.equal(value, state(0)[name]) for name, value in net.state_dict().items())


def test_after_an_error_the_network_is_in_its_own_mode_again(net: nn.Module, batches: Examples) -> None:
    with pytest.raises(RuntimeError):
        estimate_(net, [batches[0], (torch.ones(2, 3), torch.zeros(2))])
    assert all(module.training for module in net.modules())
    assert net[1].momentum == 0.1
    assert not net[1]._forward_pre_hooks


def test_without_batch_norm_there_is_nothing_to_estimate() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False))
    before = copied(net)
    estimate_(net, [])
    with batch_statistics(net):
        assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("training", [False, True])
def test_in_batch_statistics_norms_normalise_as_in_training_and_leave_their_buffers_alone(
    net: nn.Module, state: States, batches: Examples, training: bool
) -> None:
    net[4].p = 0.0
    net.load_state_dict(state(0))
    net.train(training)
    running = outputs(net, batches)[0]
    with batch_statistics(net):
        inside = torch.cat([net(images) for images, _ in batches])
        assert torch.equal(outputs(net, batches)[0], inside)  # which puts the network in mode eval
    assert all(torch.equal(value, state(0)[name]) for name, value in net.state_dict().items())
    assert torch.equal(outputs(net, batches)[0], running)
    net.train()
    assert torch.equal(torch.cat([net(images) for images, _ in batches]), inside)


def test_after_an_error_in_batch_statistics_the_buffers_are_back(net: nn.Module, state: States) -> None:
    net.load_state_dict(state(0))
    with pytest.raises(RuntimeError), batch_statistics(net):
        net(torch.ones(2, 3))
    assert all(torch.equal(value, state(0)[name]) for name, value in net.state_dict().items())


def test_on_the_batch_that_they_were_estimated_on_statistics_are_the_batchs_but_for_bessels_correction(
    net: nn.Module, batches: Examples
) -> None:
    net[6] = nn.Identity()
    estimate_(net, batches[:1])
    net[1].running_var *= 1 - 1 / (8 * 4)  # of 8 examples of 2 x 2 values
    estimated = evaluate(net, batches[:1])
    with batch_statistics(net):
        assert evaluate(net, batches[:1]).loss == pytest.approx(estimated.loss, rel=1e-5)
