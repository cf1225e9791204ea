"""Greedy global imitation: slopes against differences, and a layer that is the output against its Gram matrix."""

from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from lth_lightning.models import CIFARResNet, LeNet5, LeNet300100, MobileNetV3
from lth_lightning.sparsity.neurons import Output, fold_, groups, imitate_output, measure


def output(net: nn.Module, which: int, *shape: int) -> Output:
    torch.manual_seed(0)
    net.eval()
    images = [torch.randn(count, *shape, dtype=next(net.parameters()).dtype) for count in (5, 3)]
    with torch.no_grad():
        targets = [net(each) for each in images]
    return Output(net, groups(net, shape)[0][which], images, targets)


def test_where_the_layer_s_reader_is_the_output_it_is_local_imitation() -> None:
    net = LeNet300100(inputs=16, hidden=(9, 7))
    own = output(net, -1, 1, 4, 4)
    gram = measure(net, own.group, [(rest.images, torch.zeros(len(rest.images))) for rest in own.rests])
    a = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(7)))
    assert own.discrepancy(a) == pytest.approx(gram.discrepancy(a), rel=1e-4)
    torch.testing.assert_close(own.slopes(a)[1], 2 * (gram.products @ a - gram.target), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("net", "which", "shape"), [(LeNet5(size=16), 1, (1, 16, 16)), (CIFARResNet(8), 1, (3, 8, 8))])
def test_slopes_are_those_of_the_discrepancy(net: nn.Module, which: int, shape: tuple[int, ...]) -> None:
    own = output(net.double(), which, *shape)
    count = own.group.count
    assert own.discrepancy(torch.full((count,), 1 / count, dtype=torch.float64)) == pytest.approx(0, abs=1e-20)
    a = torch.from_numpy(np.random.default_rng(1).dirichlet(np.ones(count)))
    value, slopes = own.slopes(a)
    assert value == pytest.approx(own.discrepancy(a))
    for i in range(0, count, 5):
        nudge = 1e-6 * torch.eye(count, dtype=torch.float64)[i]
        rise = own.discrepancy(a + nudge) - own.discrepancy(a - nudge)
        assert rise / 2e-6 == pytest.approx(float(slopes[i]), rel=1e-4)


def test_steps_never_get_worse_within_the_simplex_and_width_and_folding_gives_what_they_say() -> None:
    net = LeNet5(size=16)
    own, before = output(net, 1, 1, 16, 16), float("inf")
    steps = list(islice(imitate_output(own, width=5), 12))
    count = own.group.count
    assert steps[0].discrepancy == pytest.approx(min(own.discrepancy(each) for each in torch.eye(count).double()))
    for step in steps:
        assert float(step.coefficients.min()) >= 0
        assert float(step.coefficients.sum()) == pytest.approx(1)
        assert len(step.kept) <= 5
        assert step.discrepancy <= before
        before = step.discrepancy
    assert steps[-1].discrepancy < 0.8 * steps[0].discrepancy
    fold_(net, own.group, steps[-1].coefficients)
    with torch.no_grad():
        apart = [net(rest.images) - target for rest, target in zip(own.rests, own.targets, strict=True)]
    found = float(torch.cat(apart).double().square().sum(1).mean())
    assert found == pytest.approx(steps[-1].discrepancy, rel=1e-4)


def test_what_cannot_be_is_one_sentence() -> None:
    own = output(LeNet5(size=16), 1, 1, 16, 16)
    with pytest.raises(ValueError, match="width is 0: of 16 neurons keep 1 to 16"):
        next(imitate_output(own, 0))
    with pytest.raises(ValueError, match="give batches, and logits for each"):
        Output(own.net, own.group, [], [])


def test_where_channels_make_gates_folding_gives_the_discrepancy_that_was_searched() -> None:
    torch.manual_seed(0)
    net = MobileNetV3("small", width=0.2)
    nn.init.normal_(net.head.weight)
    found, _ = groups(net, (3, 16, 16))
    which = next(i for i, group in enumerate(found) if group.producer == "blocks.4.expand.conv")
    own = output(net, which, 3, 16, 16)
    assert own.group.gates
    uniform = torch.full((own.group.count,), 1 / own.group.count, dtype=torch.float64)
    assert own.discrepancy(uniform) == pytest.approx(0, abs=1e-6)
    *_, step = islice(imitate_output(own, width=6), 8)
    fold_(net, own.group, step.coefficients)
    with torch.no_grad():
        apart = [net(rest.images) - target for rest, target in zip(own.rests, own.targets, strict=True)]
    found_now = float(torch.cat(apart).double().square().sum(1).mean())
    assert found_now == pytest.approx(step.discrepancy, rel=1e-4)
