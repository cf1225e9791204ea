"""A trained network without the channels that nothing reads, as files; and from these files again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser
from torch import Tensor, nn

from .files import DamagedFileError, replacing, save
from .sparsity import Mask, prunable
from .sparsity.neurons import alive, groups, slimmed, thinned

WEIGHTS, NETWORK = "weights.pt", "network.yaml"


@dataclass(frozen=True)
class Smaller:
    """A network without the channels that nothing reads.

    Args:
        net: It, in evaluation mode.
        kept: Producer -> the channels that stay, of the layers that have fewer.
        channels: How many the layers whose channels can be taken out have in all, before and after.
    """

    net: nn.Module
    kept: dict[str, list[int]]
    channels: tuple[int, int]


def smaller(net: nn.Module, shape: Sequence[int], mask: Mask) -> Smaller:
    """Take out the channels that nothing reads, and those that only these read, and so on.

    Weights that are pruned in what stays are zeros there.

    Args:
        net: A network whose pruned weights are zero; left as it was.
        shape: An image's (C, H, W).
        mask: Of its weights; those that it is not over are all kept.
    """
    found, _ = groups(net, shape)
    all_of_them = Mask({**Mask.dense(prunable(net)), **mask})
    while True:
        kept = alive(all_of_them, found)
        fewer = thinned(all_of_them, found, kept)
        if fewer == all_of_them:
            break
        all_of_them = fewer
    counts = {group.producer: group.count for group in found}
    gone = {name: channels for name, channels in kept.items() if len(channels) < counts[name]}
    return Smaller(slimmed(net, shape, gone).eval(), gone, (sum(counts.values()), sum(map(len, kept.values()))))


@torch.no_grad()
def apart(one: nn.Module, other: nn.Module, images: Tensor) -> tuple[float, float]:
    """The largest difference of two networks' logits, and the same in double precision as a share of the largest logit.

    The second is of the order of 1e-15 where they are one function, however deep.

    Args:
        one: A network, in evaluation mode.
        other: Another.
        images: (B, C, H, W).
    """
    plain = float((one(images) - other(images)).abs().max())
    kinds = [next(net.parameters()).dtype for net in (one, other)]
    try:
        exact, also = (net.double()(images.double()) for net in (one, other))
    finally:
        for net, kind in zip((one, other), kinds, strict=True):
            net.to(kind)
    return plain, float((exact - also).abs().max() / exact.abs().max().clamp(min=1e-30))


def write(folder: Path, small: Smaller, description: Mapping[str, Any]) -> None:
    """Write `weights.pt` and `network.yaml`, from which `load` makes the network again.

    Args:
        folder: Where to.
        small: The network.
        description: The class and the arguments of the dense one as `network`, the images as `images` with their
            `shape`, and whatever else is to be known.
    """
    save(small.net.state_dict(), folder / WEIGHTS)
    with replacing(folder / NETWORK) as partial:
        partial.write_text(yaml.safe_dump({**description, "kept": small.kept}, sort_keys=False, width=120))


def load(folder: str | Path) -> nn.Module:
    """The smaller network that `lth export` wrote, in evaluation mode on the CPU; no Lightning is needed.

    Args:
        folder: Where `weights.pt` and `network.yaml` are.

    Raises:
        DamagedFileError: If one of them is missing, or they are damaged or do not belong together.
    """
    place = Path(folder)
    remedy = f"write {place} again by lth export"
    try:
        description = yaml.safe_load((place / NETWORK).read_text())
        state = torch.load(place / WEIGHTS, map_location="cpu", weights_only=True)
        with torch.random.fork_rng(devices=[]):  # the weights that it draws are replaced
            dense = _made(description["network"])
        net = slimmed(dense.eval(), description["images"]["shape"], description["kept"])
        net.load_state_dict(state)
    except FileNotFoundError as error:
        raise DamagedFileError(f"{error.filename} is missing: {remedy}") from error
    except Exception as error:  # whatever a damaged byte happens to cause
        raise DamagedFileError(f"{place} is damaged, or of another version ({_line(error)}): {remedy}") from error
    return net.eval()


def _made(network: Mapping[str, Any]) -> nn.Module:
    """A network by its class path and arguments."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--network", type=nn.Module)
    made: nn.Module = parser.instantiate(parser.parse_object({"network": dict(network)})).network
    return made


def _line(error: Exception) -> str:
    return next(iter(f"{type(error).__name__}: {error}".splitlines()))
