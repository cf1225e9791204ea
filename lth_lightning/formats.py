"""The forms that a network is exported in, for what is not Python or not this package; torch only."""

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

BATCH = 2  # of the example that a network is followed on; what is written takes any number of images


def pt2(net: nn.Module, shape: Sequence[int]) -> bytes:
    """`torch.export`, to be read by `torch.export.load(path).module()`.

    Args:
        net: The network, in evaluation mode.
        shape: An image's (C, H, W).
    """
    program = torch.export.export(net, (_example(net, shape),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, buffer := io.BytesIO())
    return buffer.getvalue()


def torchscript(net: nn.Module, shape: Sequence[int]) -> bytes:
    """TorchScript, traced, to be read by `torch.jit.load`, in C++ too.

    Args:
        net: The network, in evaluation mode.
        shape: An image's (C, H, W).

    Raises:
        ValueError: If it can only take the number of images that it was traced with.
    """
    example, other = _example(net, shape), _example(net, shape, BATCH + 1)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated, and yet what older programs read
        traced: Any = torch.jit.trace(net, example, check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, buffer := io.BytesIO())
        try:
            given = traced(other)
        except RuntimeError as error:
            raise ValueError(f"it would take {BATCH} images at a time and no other number") from error
        if not torch.allclose(given, net(other), rtol=1e-3, atol=1e-5):
            raise ValueError("it computes another function when it is traced")
    return buffer.getvalue()


def onnx(net: nn.Module, shape: Sequence[int]) -> bytes:
    """ONNX, from `images` to `logits`.

    Args:
        net: The network, in evaluation mode.
        shape: An image's (C, H, W).
    """
    program = torch.onnx.export(
        net,
        (_example(net, shape),),
        dynamo=True,
        verbose=False,
        dynamic_shapes=({0: "batch"},),
        input_names=["images"],
        output_names=["logits"],
    )
    assert program is not None
    written: bytes = program.model_proto.SerializeToString()
    return written


FORMATS: Mapping[str, Callable[[nn.Module, Sequence[int]], bytes]] = {"pt2": pt2, "ts": torchscript, "onnx": onnx}
NEEDS = {"onnx": ("onnx", "onnxscript")}


def missing(name: str) -> list[str]:
    """The packages that a form needs and that are not installed."""
    return [package for package in NEEDS.get(name, ()) if find_spec(package) is None]


def _example(net: nn.Module, shape: Sequence[int], count: int = BATCH) -> Tensor:
    place = next(net.parameters())
    return torch.linspace(-1, 1, count * torch.Size(shape).numel()).view(count, *shape).to(place)
