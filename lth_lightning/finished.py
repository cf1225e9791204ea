"""The network of a finished training, from its folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .arguments import WIDTH
from .beginnings import made_by
from .experiments import Built, Result, Study, read_result
from .failures import UsageError
from .mistakes import usage_errors
from .sparsity import Mask
from .training import Seeds, load
from .training.sampling import first_images

NET = "model.init_args.net"
IMAGES = 64  # to compare networks on


@dataclass(frozen=True)
class Finished:
    """A trained network, and what there is to know of it.

    Args:
        net: It, in evaluation mode on the CPU.
        mask: Of its weights, by their names in it.
        images: (B, C, H, W), of those that it was trained on, as it is given them.
        network: Its class path and arguments.
        pixels: What a channel's pixel, 0..255, is times (`scale`) and plus (`shift`) to be the network's input; empty
            where every image is normalised by itself, or the data does not tell.
    """

    net: nn.Module
    mask: Mask
    images: Tensor
    network: dict[str, Any]
    pixels: dict[str, list[float]]


def finished(folder: Path) -> Finished:
    """The network of a finished training.

    Args:
        folder: The training's folder, in that of its experiment.

    Raises:
        UsageError: If it is none, or its network is not the `net` of its module.
        DamagedFileError: If a file of it is damaged.
    """
    result = _result(folder)
    home = next((each for each in folder.resolve().parents if (each / "config.yaml").is_file()), None)
    if home is None:
        raise UsageError(f"no folder above {folder} has a config.yaml: give a training in its experiment's folder")
    with usage_errors("run"):
        built, network = _built(home, result)
    net = getattr(built.module, "net", None)
    if not isinstance(net, nn.Module) or not all(name.startswith("net.") for name in built.module.state_dict()):
        kind = type(built.module).__name__
        raise UsageError(f"{kind} has more weights than those of its `net`: export takes modules that have no others")
    built.module.load_state_dict(load(result.trained, built.module)["state_dict"])
    built.data.prepare_data()
    built.data.setup("fit")
    images = torch.cat([batch for batch, _ in first_images(built.data, IMAGES)]).cpu()
    mask = Mask({name.removeprefix("net."): kept for name, kept in result.mask.items()})
    return Finished(net.cpu().eval(), mask, images, network, getattr(built.data.train_dataloader(), "pixels", {}))


def _result(folder: Path) -> Result:
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}: give that of a training, such as runs/imp/seed-0/round-01")
    result = read_result(folder)
    if result is not None:
        return result
    if (folder / "config.yaml").is_file():
        one = next((each.parent for each in sorted(folder.rglob("result.pt"))), folder / "seed-0" / "round-01")
        raise UsageError(f"{folder} is an experiment, not a training: give the folder of one, such as {one}")
    if any((folder / name).exists() for name in ("last.ckpt", "start.ckpt", "metrics.jsonl")):
        raise UsageError(f"the training in {folder} has not finished: type the command that began it again")
    raise UsageError(f"{folder} is no training: give a folder with a result.pt, such as runs/imp/seed-0/round-01")


def _built(home: Path, result: Result) -> tuple[Built, dict[str, Any]]:
    """What a training was of: at its point of a study's grid, and as wide as it was."""
    arguments, experiment = made_by(home)
    build, config = arguments.build, vars(arguments.config.as_flat())
    at = result.row.get("point")
    points = experiment.points if isinstance(experiment, Study) else []
    changes = next((point.changes for point in points if at and dict(point.at) == dict(at)), {})
    if changes:
        build, config = arguments.varied(changes)
    seeds = Seeds.of(int(result.row["seed"]))
    width = result.row.get("width")
    network = _nested({key[len(NET) + 1 :]: value for key, value in config.items() if key.startswith(f"{NET}.")})
    if not network:
        raise UsageError(f"{config.get('model.class_path')} takes no `net` with a class_path: export needs one")
    if width is None:
        return build(seeds, seeds.init), network
    network["init_args"]["width"] = config[WIDTH] * width
    return build(seeds, seeds.init, width), network


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A tree of keys, from dotted ones."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *above, last = key.split(".")
        place = tree
        for each in above:
            place = place.setdefault(each, {})
        place[last] = value
    return tree
