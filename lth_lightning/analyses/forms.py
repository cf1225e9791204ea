"""The forms in which a pruned network can be deployed, and what each holds and computes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from ..analysis import sparse_layers, with_sparse_kernels
from ..sparsity import Mask
from ..sparsity.flops import forward_flops, layer_flops
from ..sparsity.neurons import Group, alive, groups, maskable, slimmed, thinned

Kind = Literal["masked", "slim", "csr"]
TOLERANCE = 1e-3  # of the largest logit: sums of float32 in another order, layer after layer


@dataclass(frozen=True)
class Form:
    """A network as it could be deployed.

    Args:
        name: 'dense', 'masked' (dense tensors with zeros), 'slim' (without the channels that nothing reads) or 'csr'
            (sparse kernels in the layers that are pruned).
        net: The module, in evaluation.
        parameters: Numbers that it holds, without the indices of sparse ones.
        flops: Operations that it carries out for an image, of convolutions and linear layers.
    """

    name: str
    net: nn.Module
    parameters: int
    flops: int


class Deployable:
    """A pruned network, of which there are several forms.

    Args:
        net: The network or LightningModule, on the CPU, with its pruned weights zero.
        mask: What is kept.
        shape: An image's (C, H, W).
    """

    def __init__(self, net: nn.Module, mask: Mask, shape: Sequence[int]) -> None:
        self.net, self.mask, self.shape = net, mask, shape
        self.sizes = {name: size for name, (_, size) in mask.layers().items()}
        self.kept = {name: kept for name, (kept, _) in mask.layers().items()}

    @cached_property
    def layers(self) -> dict[str, int]:
        """Weight -> operations for an image when dense."""
        return layer_flops(self.net, self.shape)

    @property
    def promised(self) -> float:
        """The operations for an image if only kept weights were multiplied, as a share of the dense network's."""
        return forward_flops(self.layers, self.sizes, self.kept) / sum(self.layers.values())

    def whole(self, name: str = "masked") -> Form:
        """The network as it is."""
        return Form(name, self.net, _parameters(self.net), sum(self.layers.values()))

    def forms(self, asked: Collection[Kind]) -> list[Form]:
        """Those of the forms that there are: 'slim' if it is smaller, 'csr' if more than whole channels is pruned.

        Args:
            asked: Which to make.

        Raises:
            RuntimeError: If one computes something else than the masked network.
        """
        found = [self.whole()] if "masked" in asked else []
        if "slim" in asked and (slim := self._slim()).parameters < _parameters(self.net):
            found.append(slim)
        pruned = [name for name, kept in self.kept.items() if kept < self.sizes[name]]
        if "csr" in asked and sparse_layers(self.net, pruned) and not self.whole_channels:
            found.append(self._csr(pruned))
        for form in found:
            self._check(form)
        return found

    @cached_property
    def groups(self) -> list[Group]:
        """Its channels that could be taken out."""
        return groups(self.net, self.shape)[0]

    @property
    def whole_channels(self) -> bool:
        """Whether all is kept of the channels that something reads, so that a slim network has no zeros."""
        found, _ = maskable(self.groups, self.mask)
        dense = Mask({name: torch.ones_like(kept) for name, kept in self.mask.items()})
        rest = thinned(dense, found, alive(self.mask, found))
        return not any(bool((rest[name] & ~kept).any()) for name, kept in self.mask.items())

    def _slim(self) -> Form:
        small = slimmed(self.net, self.shape, alive(self.mask, self.groups))
        return Form("slim", small, _parameters(small), sum(layer_flops(small, self.shape).values()))

    def _csr(self, pruned: Collection[str]) -> Form:
        sparse = {*sparse_layers(self.net, pruned).values()}
        kept = {name: self.kept[name] for name in sparse}
        zeros = sum(self.sizes[name] - kept[name] for name in sparse)
        flops = forward_flops(self.layers, self.sizes, kept)
        return Form("csr", with_sparse_kernels(self.net, pruned), _parameters(self.net) - zeros, flops)

    @torch.no_grad()
    def _check(self, form: Form) -> None:
        images = torch.randn(2, *self.shape, generator=torch.Generator().manual_seed(0))
        expected, found = (_answers(net, images) for net in (self.net, form.net))
        most = float(expected.abs().nan_to_num(0, 0, 0).max())
        if not torch.allclose(expected, found, rtol=0, atol=TOLERANCE * most + 1e-6, equal_nan=True):
            raise RuntimeError(
                f"the form '{form.name}' computes other logits than the masked network (by up to "
                f"{float((expected - found).abs().max()):.3g}, of {most:.3g}): leave it out of the analysis' `forms`"
            )


def _answers(net: nn.Module, images: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        logits: Tensor = net.eval()(images)
    return logits


def _parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())
