"""`lth export`: the network of a finished training, without the channels that nothing reads."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from jsonargparse import ArgumentParser
from rich.console import Console
from torch import nn

from . import __version__
from .exporting import NETWORK, WEIGHTS, Smaller, apart, smaller, write
from .failures import UsageError
from .files import replacing
from .finished import Finished, finished
from .formats import FORMATS, missing
from .mistakes import usage_errors
from .sparsity import prunable
from .sparsity.flops import layer_flops
from .training.devices import default_threads

PRECISION = 1e-6  # share of the largest logit, in double precision


def export(folder: Path, args: Sequence[str]) -> None:
    """Write a trained network without the channels that nothing reads, and say what is left of it.

    Args:
        folder: The folder of a finished training.
        args: The other words: `--to` and `--formats`.

    Raises:
        UsageError: If there is no finished training, the network cannot be written so, or another's is there already.
        RuntimeError: If the smaller network is not the same function.
    """
    with usage_errors("export"):
        to, formats = _asked(folder, args)
    _refuse_other(to, folder)
    trained = finished(folder)
    torch.set_num_threads(default_threads(trained.net))
    shape = list(trained.images.shape[1:])
    small = smaller(trained.net, shape, trained.mask)
    difference, exact = apart(trained.net, small.net, trained.images)
    if not exact <= PRECISION:
        raise RuntimeError(
            f"the smaller network is not the same function (logits differ by a share of {exact:.1e}), so nothing is "
            f"written: please report {type(trained.net).__name__} as a bug"
        )
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for line in _told(trained, small, shape):
        console.print(line)
    console.print(
        f"largest difference of logits to the masked network on {len(trained.images)} images: {difference:.1e}"
    )
    written = _written(small.net, shape, formats)
    _forget(to, small.net)
    description = {"network": trained.network, "images": {"shape": shape, **trained.pixels}}
    versions = {"lth_lightning": __version__, "torch": str(torch.__version__)}
    write(to, small, {**description, "training": str(folder.resolve()), "versions": versions})
    for name, content in written.items():
        with replacing(to / f"network.{name}") as partial:
            partial.write_bytes(content)
    console.print(f"{to} has {', '.join([WEIGHTS, NETWORK, *(f'network.{name}' for name in written)])}")
    for name in FORMATS:
        if name not in written and name in (formats or FORMATS):
            console.print(_install(name))


def _asked(folder: Path, args: Sequence[str]) -> tuple[Path, list[str] | None]:
    """Where to, and the forms that were named; None where none were."""
    parser = ArgumentParser(exit_on_error=False, prog="lth export")
    parser.add_argument("--to", type=str | None, default=None)
    parser.add_argument("--formats", type=list[Literal["pt2", "ts", "onnx"]] | None, default=None)
    asked = parser.parse_args(list(args))
    for name in asked.formats or ():
        if missing(name):
            raise UsageError(_install(name))
    return Path(asked.to or folder / "export"), asked.formats


def _install(name: str) -> str:
    return f"network.{name} needs {' and '.join(missing(name))}: pip install 'lth_lightning[export]'"


def _refuse_other(to: Path, folder: Path) -> None:
    """Writing again what one training gave is no loss; writing over another's is."""
    if to == folder / "export" or not (to / NETWORK).exists():
        return
    there: Any = None
    with suppress(yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError):
        there = yaml.safe_load((to / NETWORK).read_text())["training"]
    if there != str(folder.resolve()):
        raise UsageError(f"{to} has the network of {there or 'something else'}: choose another --to, or delete it")


def _forget(to: Path, net: nn.Module) -> None:
    """Delete the forms of an earlier network, which would not be that of the weights beside them."""
    try:
        there = torch.load(to / WEIGHTS, map_location="cpu", weights_only=True)
        here = net.state_dict()
        if there.keys() == here.keys() and all(torch.equal(there[name], here[name]) for name in here):
            return
    except Exception:  # missing, or whatever a damaged byte happens to cause
        pass
    for name in FORMATS:
        (to / f"network.{name}").unlink(missing_ok=True)


def _written(net: nn.Module, shape: Sequence[int], formats: Sequence[str] | None) -> dict[str, bytes]:
    written = {}
    for name in FORMATS if formats is None else dict.fromkeys(formats):
        if missing(name):
            continue
        try:
            written[name] = FORMATS[name](net, shape)
        except Exception as error:  # of the many things that a network may do
            why = next(iter(str(error).splitlines()), type(error).__name__)
            rest = ",".join(each for each in formats or FORMATS if each != name)
            raise UsageError(
                f"{type(net).__name__} cannot be written as network.{name} ({why}): leave it out, --formats [{rest}]"
            ) from error
    return written


def _told(trained: Finished, small: Smaller, shape: Sequence[int]) -> list[str]:
    """What was taken out, in lines."""
    before, after = small.channels
    kind = type(trained.net).__name__
    if before == after:
        lines = [f"{kind}: each of its channels is read, so this is the whole network"]
    else:
        lines = [f"{kind}: {after:,} of {before:,} channels that could be taken out stay; nothing reads the others"]
    sizes = [sum(value.numel() for value in net.parameters()) for net in (trained.net, small.net)]
    flops = [sum(layer_flops(net, shape).values()) for net in (trained.net, small.net)]
    lines.append(f"parameters: {_change(*sizes)}; FLOPs of an image: {_change(*flops)}")
    weights = prunable(small.net).values()
    zeros, count = sum(int((weight == 0).sum()) for weight in weights), sum(weight.numel() for weight in weights)
    if zeros:
        lines.append(f"{zeros:,} of its {count:,} weights are pruned too, and stay there as zeros")
    return lines


def _change(before: int, after: int) -> str:
    return f"{after:,} of {before:,} ({after / before:.1%})"
