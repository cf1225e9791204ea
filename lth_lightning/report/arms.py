"""How the arms of an experiment are called, explained and coloured: the same in every figure, table and sentence."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

# Okabe and Ito's colours, which people with any common colour blindness can tell apart; yellow is too pale for lines.
SPARE = (("#999999", "h"), ("#00C878", "d"), ("#B39B6B", "8"), ("#8AA0D0", "H"))
SINGLE = ("dense", "ticket", "sparse")  # what stands for itself; every other arm is compared with the ticket
PRUNED = ("ticket", "sparse")  # what pruning itself made; an experiment has the one or the other
FROM = "from_"  # begins the arms of copies that start from a moment of the dense training
PREPARING = ("admm",)  # trained to find tickets, without pruning: told, but neither compared nor drawn beside them
CORRUPTING = frozenset({"random_labels", "shuffled_pixels", "corrupted_data", "half_data"})  # what pruning sees


@dataclass(frozen=True)
class Arm:
    """One way of training that an experiment compares with others.

    Args:
        name: As in `results.jsonl`.
        label: In legends and tables.
        plural: In sentences.
        meaning: One explaining sentence without its full stop; empty where unknown.
        colour: Hexadecimal.
        marker: Matplotlib's name; a second way besides colour to tell arms apart.
    """

    name: str
    label: str
    plural: str
    meaning: str
    colour: str
    marker: str


KNOWN = (
    Arm("dense", "dense", "dense networks", "the whole network, trained without pruning", "#333333", "s"),
    Arm(
        "ticket",
        "ticket",
        "tickets",
        "only the weights that pruning kept, put back to an earlier moment of the dense training and trained again",
        "#0072B2",
        "o",
    ),
    Arm(
        "random_labels",
        "random labels",
        "tickets pruned on random labels",
        "the mask was found on images with random labels, and the ticket was trained on the true ones",
        "#56B4E9",
        "P",
    ),
    Arm(
        "shuffled_pixels",
        "shuffled pixels",
        "tickets pruned on shuffled pixels",
        "the mask was found on images whose pixels were shuffled, each in an order of its own, and the ticket was "
        "trained on intact ones",
        "#3D2FC9",
        "X",
    ),
    Arm(
        "corrupted_data",
        "corrupted data",
        "tickets pruned on corrupted data",
        "the mask was found on images with shuffled pixels and random labels, and the ticket was trained on intact "
        "ones",
        "#9C1F6E",
        "*",
    ),
    Arm(
        "half_data",
        "half of the data",
        "tickets pruned on half of the data",
        "the mask was found on half of the training data, and the ticket was trained on all of it",
        "#5E3C00",
        "p",
    ),
    Arm(
        "reinitialised",
        "reinitialised",
        "reinitialised tickets",
        "the weights kept are those of the ticket, but they start from newly drawn values",
        "#D55E00",
        "^",
    ),
    Arm(
        "reinitialised_sparse_fan_in",
        "reinitialised, sparse fan-in",
        "tickets reinitialised by their sparse fan-in",
        "the weights kept are those of the ticket, newly drawn the larger the fewer of them come into their unit",
        "#8C2D04",
        "1",
    ),
    Arm(
        "reinitialised_layer_scaled",
        "reinitialised, layer-scaled",
        "tickets reinitialised by the densities of their layers",
        "the weights kept are those of the ticket, newly drawn the larger the fewer of their layer are kept",
        "#F28E5B",
        "2",
    ),
    Arm(
        "rearranged_mask",
        "rearranged mask",
        "rearranged masks",
        "as many weights in every layer as in the ticket, but at random places",
        "#009E73",
        "v",
    ),
    Arm(
        "shuffled_weights",
        "shuffled weights",
        "shuffled weights",
        "the weights kept are those of the ticket, but their starting values are exchanged within each layer",
        "#E69F00",
        "<",
    ),
    Arm(
        "random_ticket",
        "random ticket",
        "random tickets",
        "weights kept at random places and started from newly drawn values",
        "#CC79A7",
        "D",
    ),
    Arm(
        "fine_tuned",
        "fine-tuned",
        "fine-tuned networks",
        "the weights kept are those of the ticket, but they start from the trained values of the dense network",
        "#00808A",
        "x",
    ),
    Arm(
        "small_dense",
        "small dense",
        "small dense networks",
        "a narrower network without pruning, with about as many weights as the ticket keeps",
        "#6B8E23",
        ">",
    ),
    Arm(
        "admm",
        "ADMM",
        "networks trained by ADMM",
        "the whole network, trained once more while its weights were drawn towards the density asked for: it only "
        "finds the mask of the ticket",
        "#777777",
        "+",
    ),
    # It is the only arm of its folder, so it may look like a ticket.
    Arm("sparse", "sparse", "sparse networks", "pruned within its only training", "#0072B2", "o"),
)


def checks(names: Iterable[str]) -> list[Arm]:
    """Those of the arms that are compared with the ticket, in the order of `describe`."""
    return [arm for name, arm in describe(names).items() if name not in (*SINGLE, *PREPARING) and not copied(name)]


def copied(name: str) -> bool:
    """Whether an arm is copies of another under other SGD noise, which are no check of it."""
    return name.startswith(FROM) or "other_noise" in name


def describe(names: Iterable[str]) -> dict[str, Arm]:
    """Arms by name: dense first, then tickets, the known controls, and others in alphabetical order.

    Args:
        names: As in `results.jsonl`; in a study with the method before it, 'imp/ticket'.
    """
    found = set(names)
    arms = {arm.name: arm for arm in KNOWN if arm.name in found}
    for index, name in enumerate(sorted(found - set(arms), key=_natural)):
        look = SPARE[index % len(SPARE)]
        arms[name] = _of_method(name) or Arm(name, _label(name), f'"{_label(name)}"', _meaning(name), *look)
    return arms


def _natural(name: str) -> tuple[str, bool, int]:
    """Moments in their order: steps before epochs, and by their number."""
    moment = re.fullmatch(r"(.*?)(\d+)(it|ep)", name)
    return (moment[1], moment[3] == "ep", int(moment[2])) if moment else (name, False, 0)


def _meaning(name: str) -> str:
    """Of the arms that tell it by their name."""
    if name.startswith(FROM):
        moment = "the initialisation" if name in (f"{FROM}0it", f"{FROM}0ep") else name.removeprefix(FROM)
        return f"copies that go on from {moment} of the dense training, under other SGD noise each"
    if (copied := name.rpartition("_other_noise")[0]) or name.startswith("other_noise"):
        return f"the {_label(copied or 'ticket')} trained once more from the same start, under other SGD noise"
    return ""


def _of_method(name: str) -> Arm | None:
    """The arm of a method looks like the arm, and is called by both."""
    method, _, arm = name.rpartition("/")
    known = [replace(other, name=name) for other in KNOWN if method and other.name == arm]
    return (
        replace(known[0], label=f"{method} {known[0].label}", plural=f"{known[0].plural} of {method}")
        if known
        else None
    )


def _label(name: str) -> str:
    label = name.replace("_", " ").strip() or "(no name)"
    return label if len(label) <= 36 else f"{label[:35]}…"
