"""How the arms of an experiment are called, explained and coloured: the same in every figure, table and sentence."""

import re
from collections.abc import Iterable
from dataclasses import replace

from .known_arms import KNOWN
from .known_arms import Arm as Arm

SPARE = (
    *(("#999999", "H"), ("#00C878", "d"), ("#B39B6B", "|"), ("#8AA0D0", "_"), ("#C2456B", "P"), ("#6A51A3", "X")),
    *(("#1F6E5E", "p"), ("#D9A400", "*"), ("#2F5FA8", "D"), ("#7A4A1E", "h")),
)
SINGLE = ("dense", "ticket", "sparse")  # what stands for itself; every other arm is compared with the ticket
PRUNED = ("ticket", "sparse")  # what pruning itself made; an experiment has the one or the other
FROM = "from_"  # begins the arms of copies that start from a moment of the dense training
PREPARING = ("admm",)  # trained to find tickets, without pruning: told, but neither compared nor drawn beside them
CORRUPTING = frozenset({"random_labels", "shuffled_pixels", "corrupted_data", "half_data"})  # what pruning sees


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
