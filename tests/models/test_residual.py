"""Skip connections, by closed forms: with the last convolution of a block at zero only the skip is left."""

import pytest
import torch
from torch import Tensor, nn

from lth_lightning.models import CIFARResNet
from lth_lightning.models.mobilenet_v2 import InvertedResidual
from lth_lightning.models.mobilenet_v3 import GatedResidual, HardSigmoid, SqueezeExcite
from lth_lightning.models.residual import BasicBlock, Bottleneck, StrideAndPad


def zero_blocks(net: CIFARResNet, *stages: int) -> None:
    for stage in stages:
        for block in net.stages.get_submodule(str(stage)).children():
            nn.init.zeros_(block.conv2.weight)


@pytest.fixture
def images() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(5, 3, 16, 16)


def test_stride_and_pad_takes_every_second_pixel_and_appends_zeros() -> None:
    x = torch.randn(2, 3, 5, 4)
    out = StrideAndPad(2, 4)(x)
    assert out.shape == (2, 7, 3, 2)
    assert all(torch.equal(out[:, :3, i, j], x[:, :, 2 * i, 2 * j]) for i in range(3) for j in range(2))
    assert not out[:, 3:].any()


def test_parameter_free_skips_carry_the_stem_to_the_head(images: Tensor) -> None:
    net = CIFARResNet(14, shortcut="parameter_free", width=0.25).eval()
    zero_blocks(net, 0, 1, 2)
    kept = net.stem(images)[:, :, ::4, ::4].mean((2, 3))
    features = torch.cat([kept, torch.zeros(5, 12)], dim=1)
    torch.testing.assert_close(net(images), features @ net.head.weight.T + net.head.bias)


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_without_skips_one_zero_block_kills_the_signal(images: Tensor, stage: int) -> None:
    net = CIFARResNet(14, residual=False, width=0.25).eval()
    nn.init.normal_(net.head.bias)
    alive = net(images)
    assert alive.std(0).min() > 1e-4
    nn.init.zeros_(net.stages.get_submodule(f"{stage}.1.conv2").weight)
    dead = net(images)
    assert torch.equal(dead, dead[:1].expand(5, -1))


@pytest.mark.parametrize("shortcut", ["projection", "parameter_free"])
def test_with_skips_zero_blocks_let_the_signal_through(images: Tensor, shortcut: str) -> None:
    net = CIFARResNet(14, shortcut=shortcut, width=0.25).eval()
    zero_blocks(net, 0, 1, 2)
    assert net(images).std(0).min() > 1e-4


def test_a_network_without_skips_is_its_layers_in_a_row(images: Tensor) -> None:
    net = CIFARResNet(8, residual=False, width=0.5).eval()
    x = net.stem(images)
    for (block,) in (stage.children() for stage in net.stages):
        for conv, bn in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
            x = bn(conv(x)).relu()
    torch.testing.assert_close(net(images), net.head(x.mean((2, 3))))


def test_a_block_that_keeps_the_shape_adds_its_input() -> None:
    x = torch.rand(2, 8, 4, 4)
    for block in (BasicBlock(8, 8, stride=1).eval(), Bottleneck(8, 8, stride=1).eval()):
        last = block.conv2 if isinstance(block, BasicBlock) else block.conv3
        nn.init.zeros_(last.weight)
        assert torch.equal(block(x), x)


@pytest.mark.parametrize("residual", [True, False])
def test_an_inverted_block_adds_its_input_where_told(residual: bool) -> None:
    x = torch.randn(2, 4, 6, 6)
    block = InvertedResidual(4, 4, stride=1, expansion=6, residual=residual).eval()
    nn.init.zeros_(block.project.conv.weight)
    assert torch.equal(block(x), x if residual else torch.zeros_like(x))


@pytest.mark.parametrize("residual", [True, False])
def test_a_gated_block_adds_its_input_where_told(residual: bool) -> None:
    x = torch.randn(2, 4, 6, 6)
    block = GatedResidual(4, 8, 4, 5, 1, expand=True, squeezed=3, swish=True, residual=residual).eval()
    nn.init.zeros_(block.project.conv.weight)
    assert torch.equal(block(x), x if residual else torch.zeros_like(x))


def test_squeeze_and_excite_multiplies_channels_by_what_their_means_say() -> None:
    gate, x = SqueezeExcite(4, 3), torch.randn(2, 4, 5, 5)
    fc1, fc2 = gate.gates.get_submodule("fc1"), gate.gates.get_submodule("fc2")
    means = x.mean((2, 3))
    hidden = (means @ fc1.weight[..., 0, 0].T + fc1.bias).clamp(min=0)
    gates = ((hidden @ fc2.weight[..., 0, 0].T + fc2.bias + 3) / 6).clamp(0, 1)
    torch.testing.assert_close(gate(x), x * gates[..., None, None])


def test_the_hard_sigmoid_is_torchs_and_can_be_differentiated_twice() -> None:
    x = torch.linspace(-5, 5, 101, requires_grad=True)
    torch.testing.assert_close(HardSigmoid()(x), nn.functional.hardsigmoid(x))
    (slope,) = torch.autograd.grad(HardSigmoid()(x).square().sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    torch.testing.assert_close(bend, torch.where(x.abs() < 3, 2 / 36, 0.0))
