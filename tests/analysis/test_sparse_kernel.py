"""Layers with sparse kernels, against the dense ones."""

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from lth_lightning.analysis import sparse_layers, with_sparse_kernels
from lth_lightning.models import CIFARResNet, LeNet5, MobileNetV2

LAYERS: list[tuple[nn.Module, Sequence[int]]] = [
    (nn.Linear(6, 5), (4, 6)),
    (nn.Linear(6, 5, bias=False), (2, 3, 6)),
    (nn.Conv2d(3, 4, 3), (2, 3, 7, 6)),
    (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), bias=False), (1, 4, 8, 9)),
    (nn.Conv2d(4, 8, 3, padding=1, groups=2), (3, 4, 5, 5)),
    (nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6), (2, 6, 9, 9)),
]


def thin(net: nn.Module, density: float, seed: int = 0) -> list[str]:
    """Set weights to zero at random, in place; their names."""
    draws = torch.Generator().manual_seed(seed)
    names = [name for name, weight in net.named_parameters() if weight.dim() > 1]
    for name in names:
        weight = net.get_parameter(name)
        weight.data *= torch.rand(weight.shape, generator=draws) < density
    return names


@pytest.mark.parametrize("density", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda each: str(each))
def test_a_layer_computes_what_it_did(layer: nn.Module, shape: Sequence[int], density: float) -> None:
    net = nn.Sequential(layer).double()
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    names = thin(net, density)
    dense = net.get_parameter("0.weight").detach().clone()
    made = with_sparse_kernels(net, names)
    images = torch.randn(*shape, dtype=torch.float64)
    with torch.inference_mode():
        assert torch.allclose(made(images), net(images), rtol=1e-12, atol=1e-12)
    stored: torch.Tensor = made[0].weight  # type: ignore[index, assignment]
    assert stored.layout == torch.sparse_csr
    assert stored.values().numel() == int((dense != 0).sum()), "only what is kept"
    assert torch.equal(net.get_parameter("0.weight"), dense), "the network is as it was"
    net.load_state_dict(kept)


@pytest.mark.parametrize(
    ("net", "shape"),
    [(LeNet5(), (1, 28, 28)), (CIFARResNet(8, width=0.5), (3, 16, 16)), (MobileNetV2(width=0.25), (3, 32, 32))],
    ids=lambda each: type(each).__name__,
)
def test_a_network_computes_what_it_did_to_float_precision(net: nn.Module, shape: Sequence[int]) -> None:
    net.eval()
    names = thin(net, 0.3)
    made = with_sparse_kernels(net, names)
    assert [*sparse_layers(net, names).values()] == names
    images = torch.randn(3, *shape)
    with torch.inference_mode():
        expected = net(images)
        assert float((made(images) - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


def test_only_the_layers_of_the_weights_that_are_named_are_replaced_and_a_shared_one_wherever_it_is() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Conv1d(4, 2, 1), nn.Conv2d(1, 1, 2))
    net[2].weight = net[0].weight
    net[4].padding_mode = "circular"
    assert sparse_layers(net, ["0.weight", "3.weight", "4.weight"]) == {"0": "0.weight", "2": "0.weight"}
    made = with_sparse_kernels(net, ["0.weight", "3.weight"])
    assert [type(layer).__name__ for layer in made.children()] == [  # type: ignore[attr-defined]
        *("SparseLinear", "Linear", "SparseLinear", "Conv1d", "Conv2d")
    ]
