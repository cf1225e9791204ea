"""The rest of a network, from a layer on, gives what the whole network gives, and runs nothing else."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import relu_

from lth_lightning.models import VGG, CIFARResNet, MobileNetV2, MobileNetV3
from lth_lightning.sparsity import generator
from lth_lightning.sparsity.neurons import Group, groups
from lth_lightning.sparsity.neurons.rest import Rest
from lth_lightning.sparsity.neurons.scaling import scaling


class Leaves:
    """Which modules without parts ran, and how often."""

    def __init__(self, net: nn.Module) -> None:
        self.ran: Counter[str] = Counter()
        for name, module in net.named_modules():
            if not list(module.children()):
                self._count(name, module)

    def _count(self, name: str, module: nn.Module) -> None:
        forward = module.forward

        def counted(*inputs: Any) -> Any:
            self.ran[name] += 1
            return forward(*inputs)

        module.forward = counted


class OneActivation(nn.Module):
    """Parts of a chain that is used twice, a part that gives two tensors, and one written into before the rest."""

    def __init__(self, written: str = "") -> None:
        super().__init__()
        act = nn.ReLU(inplace=True)
        self.written = written
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), act)
        self.body = nn.Sequential(nn.Conv2d(4, 4, 1), act, nn.Conv2d(4, 6, 3), act, nn.Conv2d(6, 4, 3, padding=1), act)
        self.two = Two()
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        a, b = self.two(x)
        if self.written == "before":
            x += 1
        out = self.body(a + b + x).mean((2, 3))
        if self.written == "after":
            x += 1
        out = out + x.mean((2, 3))
        logits: Tensor = self.head(relu_(out))
        return logits


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.conv(x), x


NETS = {
    "resnet8": lambda: CIFARResNet(8, width=0.25),
    "mobilenetv2": lambda: MobileNetV2(width=0.125),
    "mobilenetv3": lambda: MobileNetV3("small", width=0.25),
    "vgg16": lambda: VGG(16, width=0.0625),
    "one activation": OneActivation,
    "written into before": lambda: OneActivation("before"),
    "written into after": lambda: OneActivation("after"),
}


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made: nn.Module = NETS[request.param]().eval()
    return made


def coefficients(group: Group, seed: int) -> Tensor:
    """Some zero, their sum 1."""
    draws = torch.rand(group.count, dtype=torch.float64, generator=generator("coefficients", seed))
    draws[draws < 0.3] = 0
    return draws / draws.sum() if draws.any() else torch.full_like(draws, 1 / len(draws))


def test_it_gives_what_the_whole_network_gives_bit_for_bit(net: nn.Module) -> None:
    images = torch.randn(2, 3, 32, 32, generator=generator("images", 0))
    for group in groups(net, images.shape[1:])[0]:
        rest = Rest(net, group, images)
        for seed in range(3):
            a = coefficients(group, seed).requires_grad_()
            found = []
            for run in (partial(net, images), rest):
                with scaling(net, group, a):
                    logits = run()
                (slopes,) = torch.autograd.grad(logits.square().sum(), a)
                found.append((logits, slopes))
            assert all(map(torch.equal, *found))
    assert not any("forward" in vars(module) for module in net.modules())


@pytest.mark.parametrize("name", ["resnet8", "mobilenetv2", "mobilenetv3", "vgg16"])
def test_what_ended_before_its_readers_does_not_run_again(name: str) -> None:
    net, images = NETS[name]().eval(), torch.randn(2, 3, 32, 32)
    leaves = Leaves(net)
    for group in groups(net, images.shape[1:])[0]:
        rest = Rest(net, group, images)
        leaves.ran.clear()
        rest()
        whole = list(leaves.ran)
        leaves.ran.clear()
        rest()
        first = min(whole.index(reader) for reader in (group.consumer, *group.gates))
        assert set(leaves.ran) == set(whole[first:])


def test_of_a_chain_only_the_last_output_is_kept() -> None:
    net, images = NETS["vgg16"]().eval(), torch.randn(2, 3, 32, 32)
    for group in groups(net, images.shape[1:])[0]:
        rest = Rest(net, group, images)
        rest()
        assert rest._kept
        for chain in (module for module in net.modules() if isinstance(module, nn.Sequential)):
            values = [rest._kept[module] for module in chain if module in rest._kept]
            assert [value is None for value in values] == [True] * (len(values) - 1) + [False] * bool(values)
