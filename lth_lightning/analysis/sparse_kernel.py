"""Layers that multiply kept weights only: torch's sparse CSR product in the place of dense ones."""

import warnings
from collections.abc import Collection
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import unfold


class SparseLinear(nn.Module):
    """A linear layer whose weight is kept as sparse rows (CSR); for inference.

    Input (..., in), output (..., out).

    Args:
        layer: The layer; what is zero in its weight takes neither memory nor time.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight: Tensor
        self.register_buffer("weight", _rows(layer.weight.detach()))
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output, up to rounding."""
        out = _product(self.weight, x.reshape(-1, x.shape[-1]).t(), self.bias)
        return out.t().reshape(*x.shape[:-1], len(out))


class SparseConv2d(nn.Module):
    """A convolution as a product of sparse rows (CSR) with the image's unfolded patches; for inference.

    Input (B, C, H, W), output (B, out, H', W'). Unfolding copies every pixel as often as the kernel meets it, which
    often takes longer than the dense convolution.

    Args:
        layer: The convolution, grouped or not, padded by zeros.
    """

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = (layer.kernel_size, layer.dilation, layer.padding, layer.stride)
        filters = layer.weight.detach().flatten(1)
        self.weight: Tensor
        blocks = torch.block_diag(*filters.chunk(layer.groups))  # type: ignore[no-untyped-call]
        self.register_buffer("weight", _rows(blocks))
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """The convolution's output, up to rounding."""
        kernel, dilation, padding, stride = self.layer
        assert not isinstance(padding, str)
        patches = unfold(x, kernel, dilation, padding, stride)  # (B, C * kernel, positions)
        out = _product(self.weight, patches.transpose(0, 1).reshape(patches.shape[1], -1), self.bias)
        size = [
            (x.shape[2 + i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in range(2)
        ]
        return out.view(len(out), len(x), *size).transpose(0, 1)


def sparse_layers(net: nn.Module, names: Collection[str]) -> dict[str, str]:
    """The layers that can have sparse kernels: linear ones, and convolutions of images that are padded by zeros.

    Args:
        net: The network or LightningModule.
        names: Of the weights that are sparse.

    Returns:
        Name of the layer -> name of its weight among these; a weight that several layers share is of all.
    """
    every = dict(net.named_parameters(remove_duplicate=False))
    sparse = {id(every[name]): name for name in names}
    return {
        name: sparse[id(layer.weight)]
        for name, layer in net.named_modules(remove_duplicate=False)
        if isinstance(layer, nn.Linear | nn.Conv2d) and id(layer.weight) in sparse and _can_unfold(layer)
    }


def with_sparse_kernels(net: nn.Module, names: Collection[str]) -> nn.Module:
    """A copy of a network in which the layers of these weights multiply by what is not zero only.

    Args:
        net: The network or LightningModule, with its pruned weights zero.
        names: Of the weights that are sparse; those of other layers than `sparse_layers` tells stay dense.
    """
    made = deepcopy(net)
    for name in sparse_layers(net, names):
        layer = made.get_submodule(name)
        kernel = SparseLinear(layer) if isinstance(layer, nn.Linear) else SparseConv2d(layer)  # type: ignore[arg-type]
        place, _, own = name.rpartition(".")
        setattr(made.get_submodule(place), own, kernel)
    return made


def _can_unfold(layer: nn.Linear | nn.Conv2d) -> bool:
    return isinstance(layer, nn.Linear) or (layer.padding_mode == "zeros" and not isinstance(layer.padding, str))


def _rows(weight: Tensor) -> Tensor:
    """A matrix as sparse rows, with indices of 32 bits, which kernels take as they are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        found = weight.to_sparse_csr()
        rows, columns = found.crow_indices().int(), found.col_indices().int()
        return torch.sparse_csr_tensor(rows, columns, found.values(), size=found.shape, check_invariants=True)


def _product(weight: Tensor, columns: Tensor, bias: Tensor | None) -> Tensor:
    out = weight @ columns
    return out if bias is None else out + bias[:, None]
